// Element-wise kernels, in the vectors of whatever target the including file is compiled for.
#pragma once

#include "deftnn/kernels/activation-inl.h"
#include "deftnn/kernels/eltwise/eltwise.h"

namespace deftnn {
namespace {

// Vectors an iteration; one where a vector is a loop over its lanes.
constexpr int kBlock = HWY_TARGET == HWY_EMU128 ? 1 : 4;

/// A second operand that is one value.
struct Repeated {
  float value;
  Repeated operator+(int64_t) const { return *this; }
};
template <class D>
HWY_INLINE hn::Vec<D> LoadFloats(D d, Repeated b) {
  return hn::Set(d, b.value);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadPart(D d, Repeated b, int64_t) {
  return hn::Set(d, b.value);
}

/// a[i] = a[i] op b[i]: one branch for all of them.
template <int kCount>
HWY_INLINE void Apply(BinaryOp op, FloatVector (&a)[kCount], const FloatVector (&b)[kCount]) {
  switch (op) {
    case BinaryOp::kAdd:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Add(a[i], b[i]); });
    case BinaryOp::kSub:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Sub(a[i], b[i]); });
    case BinaryOp::kMul:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Mul(a[i], b[i]); });
    case BinaryOp::kDiv:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Div(a[i], b[i]); });
    case BinaryOp::kReverseSub:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Sub(b[i], a[i]); });
    case BinaryOp::kReverseDiv:
      return Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { a[i] = hn::Div(b[i], a[i]); });
  }
}

/// Loads `count` lanes, all of them or a part.
template <class Pointer>
HWY_INLINE FloatVector LoadUpTo(Pointer from, int64_t count) {
  const FloatTag df;
  return count == kLanes ? LoadFloats(df, from) : LoadPart(df, from, count);
}
template <class T>
HWY_INLINE void StoreUpTo(FloatVector value, T* to, int64_t count) {
  const FloatTag df;
  if (count == kLanes) {
    StoreFloats(df, value, to);
  } else {
    StorePart(df, value, to, count);
  }
}

/// y = activation(a op b) over contiguous elements; touches exactly `count` of each. The operation
/// and the activation are branches of a block and not template parameters: they cost little, and
/// the number of formats multiplies every loop already.
template <class A, class B, class Y>
HWY_NOINLINE void BinaryRun(BinaryOp op, const A* a, B b, const ActivationSpec& activation, Y* y,
                            int64_t count) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kBlock * kLanes <= count; i += kBlock * kLanes) {
    FloatVector v[kBlock], w[kBlock];
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA {
      v[k] = LoadFloats(df, a + (i + k * kLanes));
      w[k] = LoadFloats(df, b + (i + k * kLanes));
    });
    Apply(op, v, w);
    ActivateAll(activation, v);
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA { StoreFloats(df, v[k], y + i + k * kLanes); });
  }
  for (; i < count; i += kLanes) {
    const int64_t lanes = HWY_MIN(kLanes, count - i);
    FloatVector v[1] = {LoadUpTo(a + i, lanes)}, w[1] = {LoadUpTo(b + i, lanes)};
    Apply(op, v, w);
    ActivateAll(activation, v);
    StoreUpTo(v[0], y + i, lanes);
  }
}

/// y = activation(x) over contiguous elements.
template <class X, class Y>
HWY_NOINLINE void ActivateRun(const ActivationSpec& activation, const X* x, Y* y, int64_t count) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kBlock * kLanes <= count; i += kBlock * kLanes) {
    FloatVector v[kBlock];
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA { v[k] = LoadFloats(df, x + i + k * kLanes); });
    ActivateAll(activation, v);
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA { StoreFloats(df, v[k], y + i + k * kLanes); });
  }
  for (; i < count; i += kLanes) {
    const int64_t lanes = HWY_MIN(kLanes, count - i);
    FloatVector v[1] = {LoadUpTo(x + i, lanes)};
    ActivateAll(activation, v);
    StoreUpTo(v[0], y + i, lanes);
  }
}

template <class T>
HWY_INLINE T* RowAt(const View& view, int64_t row) {
  const Layout& layout = view.layout;
  return static_cast<T*>(view.data) + row / layout.height * layout.image_stride +
         row % layout.height * layout.row_stride;
}

HWY_INLINE bool DensePixels(const Layout& layout) {
  return layout.pixel_stride == layout.channels || layout.width == 1;
}

template <class Function>
HWY_INLINE void WithCode(Format format, Function&& function) {
  if (format == Format::kFp32) {
    function(float{});
  } else {
    function(uint16_t{});
  }
}

void ActivateRows(const ActivateArgs& args, int64_t begin, int64_t end) {
  const Layout& in = args.input.layout;
  const Layout& out = args.output.layout;
  const bool dense = DensePixels(in) && DensePixels(out);
  const int64_t runs = dense ? 1 : in.width;
  const int64_t length = dense ? in.width * in.channels : in.channels;
  WithCode(in.format, [&](auto x) {
    WithCode(out.format, [&](auto y) {
      for (int64_t row = begin; row < end; ++row) {
        const auto* source = RowAt<decltype(x)>(args.input, row);
        auto* target = RowAt<decltype(y)>(args.output, row);
        for (int64_t i = 0; i < runs; ++i) {
          ActivateRun(args.activation, source + i * in.pixel_stride, target + i * out.pixel_stride,
                      length);
        }
      }
    });
  });
}

template <class A, class B, class Y>
HWY_INLINE void BinaryViewRows(const BinaryArgs& args, int64_t begin, int64_t end) {
  const Layout& a = args.a.layout;
  const Layout& b = args.b.layout;
  const Layout& out = args.output.layout;
  const bool dense = DensePixels(a) && DensePixels(b) && DensePixels(out);
  const int64_t runs = dense ? 1 : a.width;
  const int64_t length = dense ? a.width * a.channels : a.channels;
  for (int64_t row = begin; row < end; ++row) {
    const A* first = RowAt<A>(args.a, row);
    const B* second = RowAt<B>(args.b, row);
    Y* target = RowAt<Y>(args.output, row);
    for (int64_t i = 0; i < runs; ++i) {
      BinaryRun(args.op, first + i * a.pixel_stride, second + i * b.pixel_stride, args.activation,
                target + i * out.pixel_stride, length);
    }
  }
}

template <class A, class Y>
HWY_INLINE void BinaryVectorRows(const BinaryArgs& args, int64_t begin, int64_t end) {
  const Layout& a = args.a.layout;
  const Layout& out = args.output.layout;
  for (int64_t row = begin; row < end; ++row) {
    const A* first = RowAt<A>(args.a, row);
    Y* target = RowAt<Y>(args.output, row);
    const float* second = args.vector + row / a.height * args.vector_image_stride;
    for (int64_t i = 0; i < a.width; ++i) {
      BinaryRun(args.op, first + i * a.pixel_stride, second, args.activation,
                target + i * out.pixel_stride, a.channels);
    }
  }
}

void BinaryRows(const BinaryArgs& args, int64_t begin, int64_t end) {
  WithCode(args.a.layout.format, [&](auto a) {
    WithCode(args.output.layout.format, [&](auto y) {
      if (args.vector != nullptr) {
        return BinaryVectorRows<decltype(a), decltype(y)>(args, begin, end);
      }
      WithCode(args.b.layout.format, [&](auto b) {
        BinaryViewRows<decltype(a), decltype(b), decltype(y)>(args, begin, end);
      });
    });
  });
}

/// The operation with its operands in the other order.
HWY_INLINE BinaryOp Reversed(BinaryOp op) {
  switch (op) {
    case BinaryOp::kSub:
      return BinaryOp::kReverseSub;
    case BinaryOp::kDiv:
      return BinaryOp::kReverseDiv;
    case BinaryOp::kReverseSub:
      return BinaryOp::kSub;
    case BinaryOp::kReverseDiv:
      return BinaryOp::kDiv;
    default:
      return op;
  }
}

void BroadcastRows(const BroadcastArgs& args, int64_t begin, int64_t end) {
  WithCode(args.format, [&](auto code) {
    for (int64_t i = begin, n = 0; i < end; i += n) {
      const int64_t row = i / args.columns, column = i % args.columns;
      n = HWY_MIN(args.columns - column, end - i);
      const float* a = args.a + args.a_rows[row] + (args.a_one ? 0 : column);
      const float* b = args.b + args.b_rows[row] + (args.b_one ? 0 : column);
      auto* y = static_cast<decltype(code)*>(args.output) + i;
      if (args.b_one) {
        BinaryRun(args.op, a, Repeated{*b}, ActivationSpec{}, y, n);
      } else if (args.a_one) {
        BinaryRun(Reversed(args.op), b, Repeated{*a}, ActivationSpec{}, y, n);
      } else {
        BinaryRun(args.op, a, b, ActivationSpec{}, y, n);
      }
    }
  });
}

void FlatActivate(const ActivationSpec& activation, const float* x, float* y, int64_t count) {
  ActivateRun(activation, x, y, count);
}

void FlatBinary(BinaryOp op, const float* a, const float* b, float* y, int64_t count) {
  BinaryRun(op, a, b, ActivationSpec{}, y, count);
}

void FlatScalar(BinaryOp op, const float* a, float b, float* y, int64_t count) {
  BinaryRun(op, a, Repeated{b}, ActivationSpec{}, y, count);
}

template <class F>
HWY_INLINE void Map(F f, const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t lanes = HWY_MIN(kLanes, count - i);
    StoreUpTo(f(LoadUpTo(x + i, lanes)), y + i, lanes);
  }
}

void FlatUnary(UnaryFunction function, const float* x, float* y, int64_t count) {
  switch (function) {
    case UnaryFunction::kExp:
      return Map([](FloatVector v) { return ExpOf(v); }, x, y, count);
    case UnaryFunction::kErf:
      return Map([](FloatVector v) { return ErfOf(v); }, x, y, count);
    case UnaryFunction::kSqrt:
      return Map([](FloatVector v) { return hn::Sqrt(v); }, x, y, count);
    case UnaryFunction::kTanh:
      return Map([](FloatVector v) { return TanhOf(v); }, x, y, count);
    case UnaryFunction::kSigmoid:
      return Map([](FloatVector v) { return SigmoidOf(v); }, x, y, count);
  }
}

}  // namespace
}  // namespace deftnn
