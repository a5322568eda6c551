// Transpose: the axes in another order (reversed unless `perm` says which).
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

Result<std::vector<int64_t>> Permutation(const Node& node, size_t rank) {
  std::vector<int64_t> perm = node.Ints("perm");
  if (!node.has("perm")) {
    for (size_t i = rank; i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  std::vector<bool> seen(rank, false);
  bool good = perm.size() == rank;
  for (size_t i = 0; good && i < rank; ++i) {
    good = perm[i] >= 0 && perm[i] < static_cast<int64_t>(rank) && !seen[perm[i]];
    if (good) seen[perm[i]] = true;
  }
  if (!good) {
    return Error("its perm [{}] is no order of {} axes", fmt::join(perm, ", "), rank);
  }
  return perm;
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> perm,
                          Permutation(context.node(), context.shape(0).size()));
  Shape out;
  for (const int64_t axis : perm) out.push_back(context.shape(0)[axis]);
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

Status Evaluate(EvaluateContext& context) {
  if (context.output(0).size() == 0) return {};
  const Tensor& in = context.input(0);
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> perm,
                          Permutation(context.node(), in.shape().size()));
  const std::vector<int64_t> strides = RowMajorStrides(in.shape());
  Offsets offsets(perm.size());
  for (size_t axis = 0; axis < perm.size(); ++axis) {
    const int64_t from = perm[axis];
    for (int64_t i = 0; i < in.shape()[from]; ++i) offsets[axis].push_back(i * strides[from]);
  }
  MoveByOffsets(in, offsets, context.output(0));
  return {};
}

void Channels(ChannelContext& context) {
  const auto perm = Permutation(context.node(), context.input_shape(0).size());
  if (context.input(0).empty() || !perm.ok()) return context.End();
  for (size_t axis = 0; axis < perm->size(); ++axis) {
    if ((*perm)[axis] == context.input(0).axis) {
      context.SetOutput(0, {static_cast<int>(axis), context.input(0).labels});
    }
  }
}

}  // namespace

extern const OpDef kTransposeOp;
constinit const OpDef kTransposeOp = {
    .name = "Transpose", .infer = &Infer, .evaluate = &Evaluate, .channels = &Channels};

}  // namespace deftnn
