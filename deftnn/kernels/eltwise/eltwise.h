// Element-wise work: activations of a view, binary arithmetic of views and vectors, and flat fp32
// arrays.
#pragma once

#include <cstdint>

#include "deftnn/base/activation.h"
#include "deftnn/base/cpu.h"
#include "deftnn/base/threads.h"
#include "deftnn/kernels/view.h"

namespace deftnn {

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kReverseSub, kReverseDiv };  // reverse: b - a, b / a
enum class UnaryFunction { kExp, kErf, kSqrt, kTanh, kSigmoid };

/// output = activation(input). Equal extents, any strides and formats; the two may be the same
/// view.
struct ActivateArgs {
  View input, output;
  ActivationSpec activation;
};

/// output = activation(a op b). `a` and `output` have equal extents. Exactly one second operand:
/// a view of the same extents, when vector is null, or `vector`, with one fp32 value a channel at
/// vector[image * vector_image_stride + channel]: stride 0 for a vector of all images (a bias), C
/// or more for one of each (squeeze and excite). The output may be `a` or `b` itself.
struct BinaryArgs {
  BinaryOp op = BinaryOp::kAdd;
  View a, b, output;
  const float* vector = nullptr;
  int64_t vector_image_stride = 0;
  ActivationSpec activation;
};

/// output[r] = a op b of rows r that lie anywhere: row r of `a` begins at a[a_rows[r]], and `a` has
/// one value a row where a_one, `columns` otherwise; `b` likewise. The output is dense, fp32 or
/// DFP16, and no operand. Not both have one value a row, unless that is all.
struct BroadcastArgs {
  BinaryOp op = BinaryOp::kAdd;
  const float *a = nullptr, *b = nullptr;
  const int64_t *a_rows = nullptr, *b_rows = nullptr;
  bool a_one = false, b_one = false;
  void* output = nullptr;
  Format format = Format::kFp32;  // of the output
  int64_t rows = 0, columns = 0;
};

/// One instruction set's implementation. Views: rows [begin, end) of batch * height; broadcast,
/// flat: elements.
struct EltwiseKernel {
  Isa isa;
  int64_t target;
  void (*activate)(const ActivateArgs& args, int64_t begin, int64_t end);
  void (*binary)(const BinaryArgs& args, int64_t begin, int64_t end);
  void (*broadcast)(const BroadcastArgs& args, int64_t begin, int64_t end);
  void (*flat_activate)(const ActivationSpec& activation, const float* x, float* y, int64_t count);
  void (*flat_binary)(BinaryOp op, const float* a, const float* b, float* y, int64_t count);
  /// a op a constant.
  void (*flat_scalar)(BinaryOp op, const float* a, float b, float* y, int64_t count);
  void (*flat_unary)(UnaryFunction function, const float* x, float* y, int64_t count);
};

const EltwiseKernel& SelectEltwise(Isa isa);

/// All compute in fp32 and round once. NaN stays NaN (through every activation too). Add, sub, mul,
/// div and sqrt are IEEE's; exp, tanh, erf and sigmoid are within 1e-6 relative of the true value
/// where that is a normal float. Results do not depend on the number of threads.
void RunActivate(const EltwiseKernel& kernel, const ActivateArgs& args, ThreadPool& pool);
void RunBinary(const EltwiseKernel& kernel, const BinaryArgs& args, ThreadPool& pool);
void RunBroadcast(const EltwiseKernel& kernel, const BroadcastArgs& args, ThreadPool& pool);
/// Contiguous arrays of `count`; y may be x, a or b itself.
void RunFlatActivate(const EltwiseKernel& kernel, const ActivationSpec& activation, const float* x,
                     float* y, int64_t count, ThreadPool& pool);
void RunFlatBinary(const EltwiseKernel& kernel, BinaryOp op, const float* a, const float* b,
                   float* y, int64_t count, ThreadPool& pool);
void RunFlatScalar(const EltwiseKernel& kernel, BinaryOp op, const float* a, float b, float* y,
                   int64_t count, ThreadPool& pool);
void RunFlatUnary(const EltwiseKernel& kernel, UnaryFunction function, const float* x, float* y,
                  int64_t count, ThreadPool& pool);

}  // namespace deftnn
