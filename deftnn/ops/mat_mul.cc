// MatMul: numpy's matmul. The last two axes are matrices, the others are broadcast; a vector is a
// row on the left and a column on the right, and its added axis is dropped again.
#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/numeric.h"

namespace deftnn {
namespace {

struct Sizes {
  Shape batch_a, batch_b, batch;  // the leading axes
  int64_t m, k, n;
  Shape output;
};

Result<Sizes> ReadSizes(Shape a, Shape b) {
  if (a.empty() || b.empty()) return Error("MatMul does not take scalars");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  Sizes sizes{{a.begin(), a.end() - 2},
              {b.begin(), b.end() - 2},
              {},
              a[a.size() - 2],
              a.back(),
              b.back(),
              {}};
  if (b[b.size() - 2] != sizes.k) {
    return Error("matrices of shapes {} and {} don't fit", ToString(a), ToString(b));
  }
  DEFTNN_ASSIGN_OR_RETURN(sizes.batch, BroadcastShapes(sizes.batch_a, sizes.batch_b));
  sizes.output = sizes.batch;
  if (!row) sizes.output.push_back(sizes.m);
  if (!column) sizes.output.push_back(sizes.n);
  return sizes;
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckNumber(context, 0));
  DEFTNN_RETURN_IF_ERROR(CheckSameType(context, 1));
  DEFTNN_ASSIGN_OR_RETURN(Sizes sizes, ReadSizes(context.shape(0), context.shape(1)));
  context.SetOutput(0, context.type(0), std::move(sizes.output));
  return {};
}

template <typename T>
void Multiply(const Sizes& s, std::span<const T> a, std::span<const T> b, std::span<T> y) {
  BroadcastCursor at_a(s.batch_a, s.batch), at_b(s.batch_b, s.batch);
  if (y.empty()) return;
  for (int64_t i = 0; i < ElementCount(s.batch); ++i, at_a.Next(), at_b.Next()) {
    for (int64_t row = 0; row < s.m; ++row) {
      for (int64_t column = 0; column < s.n; ++column) {
        Accumulator<T> sum = 0;
        for (int64_t k = 0; k < s.k; ++k) {
          sum += static_cast<Accumulator<T>>(a[(at_a.at() * s.m + row) * s.k + k]) *
                 static_cast<Accumulator<T>>(b[(at_b.at() * s.k + k) * s.n + column]);
        }
        y[(i * s.m + row) * s.n + column] = static_cast<T>(sum);
      }
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  const Tensor& a = context.input(0);
  const Tensor& b = context.input(1);
  DEFTNN_ASSIGN_OR_RETURN(const Sizes sizes, ReadSizes(a.shape(), b.shape()));
  VisitNumber(a.type(), [&](auto sample) {
    using T = decltype(sample);
    Multiply<T>(sizes, a.values<T>(), b.values<T>(), context.output(0).mutable_values<T>());
  });
  return {};
}

}  // namespace

extern const OpDef kMatMulOp;
constinit const OpDef kMatMulOp = {
    .name = "MatMul", .min_inputs = 2, .max_inputs = 2, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
