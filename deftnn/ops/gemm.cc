// Gemm: y = alpha * op(A) . op(B) + beta * C, op transposing where transA or transB says so; C is
// broadcast to M x N.
#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

struct Sizes {
  bool trans_a, trans_b;
  int64_t m, n, k;
};

Result<Sizes> ReadSizes(const Node& node, const Shape& a, const Shape& b) {
  if (a.size() != 2 || b.size() != 2) {
    return Error("Gemm multiplies matrices, got {} and {}", ToString(a), ToString(b));
  }
  const bool trans_a = node.Int("transA", 0) != 0, trans_b = node.Int("transB", 0) != 0;
  const Sizes sizes{trans_a, trans_b, a[trans_a ? 1 : 0], b[trans_b ? 0 : 1], a[trans_a ? 0 : 1]};
  if (b[trans_b ? 1 : 0] != sizes.k) {
    return Error("matrices of shapes {}{} and {}{} don't fit", ToString(a),
                 trans_a ? " (transposed)" : "", ToString(b), trans_b ? " (transposed)" : "");
  }
  return sizes;
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckFloat(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 2));
  DEFTNN_ASSIGN_OR_RETURN(const Sizes sizes,
                          ReadSizes(context.node(), context.shape(0), context.shape(1)));
  if (context.has_input(2) && !BroadcastsTo(context.shape(2), {sizes.m, sizes.n})) {
    return Error("C of shape {} can't be broadcast to {}x{}", ToString(context.shape(2)), sizes.m,
                 sizes.n);
  }
  context.SetOutput(0, context.type(0), {sizes.m, sizes.n});
  return {};
}

template <typename T>
void Multiply(EvaluateContext& context, const Sizes& s) {
  const Node& node = context.node();
  const double alpha = node.Float("alpha", 1), beta = node.Float("beta", 1);
  const auto a = context.input(0).values<T>(), b = context.input(1).values<T>();
  auto y = context.output(0).template mutable_values<T>();
  const Shape c_shape = context.has_input(2) ? context.input(2).shape() : Shape{};
  BroadcastCursor c(c_shape, {s.m, s.n});
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j, c.Next()) {
      double sum = 0;
      for (int64_t k = 0; k < s.k; ++k) {
        sum += double{a[s.trans_a ? k * s.m + i : i * s.k + k]} *
               double{b[s.trans_b ? j * s.k + k : k * s.n + j]};
      }
      sum *= alpha;
      if (context.has_input(2)) sum += beta * context.input(2).values<T>()[c.at()];
      y[i * s.n + j] = static_cast<T>(sum);
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const Sizes sizes, ReadSizes(context.node(), context.input(0).shape(),
                                                       context.input(1).shape()));
  VisitFloat(context.input(0).type(),
             [&](auto sample) { Multiply<decltype(sample)>(context, sizes); });
  return {};
}

}  // namespace

extern const OpDef kGemmOp;
constinit const OpDef kGemmOp = {
    .name = "Gemm", .min_inputs = 2, .max_inputs = 3, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
