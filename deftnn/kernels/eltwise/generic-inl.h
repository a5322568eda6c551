// Element-wise kernels, in the vectors of whatever target the including file is compiled for.
#pragma once

#include "deftnn/kernels/activation-inl.h"
#include "deftnn/kernels/eltwise/eltwise.h"

namespace deftnn {
namespace {

constexpr int kBlock = 4;  // vectors an iteration

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

template <BinaryOp kOp>
struct Arithmetic {
  HWY_INLINE FloatVector operator()(FloatVector a, FloatVector b) const {
    if constexpr (kOp == BinaryOp::kAdd) {
      return hn::Add(a, b);
    } else if constexpr (kOp == BinaryOp::kSub) {
      return hn::Sub(a, b);
    } else if constexpr (kOp == BinaryOp::kMul) {
      return hn::Mul(a, b);
    } else if constexpr (kOp == BinaryOp::kDiv) {
      return hn::Div(a, b);
    } else if constexpr (kOp == BinaryOp::kReverseSub) {
      return hn::Sub(b, a);
    } else {
      static_assert(kOp == BinaryOp::kReverseDiv);
      return hn::Div(b, a);
    }
  }
};

/// function(Arithmetic<op>()).
template <class Function>
HWY_INLINE void WithOp(BinaryOp op, Function&& function) {
  switch (op) {
    case BinaryOp::kAdd:
      return function(Arithmetic<BinaryOp::kAdd>());
    case BinaryOp::kSub:
      return function(Arithmetic<BinaryOp::kSub>());
    case BinaryOp::kMul:
      return function(Arithmetic<BinaryOp::kMul>());
    case BinaryOp::kDiv:
      return function(Arithmetic<BinaryOp::kDiv>());
    case BinaryOp::kReverseSub:
      return function(Arithmetic<BinaryOp::kReverseSub>());
    case BinaryOp::kReverseDiv:
      return function(Arithmetic<BinaryOp::kReverseDiv>());
  }
}

/// y = activation(op(a, b)) over contiguous elements; touches exactly `count` of each.
template <class Op, class A, class B, class Y>
HWY_INLINE void BinaryRun(Op op, const A* a, B b, const ActivationSpec& activation, Y* y,
                          int64_t count) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kBlock * kLanes <= count; i += kBlock * kLanes) {
    FloatVector v[kBlock];
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA {
      const int64_t at = i + k * kLanes;
      v[k] = op(LoadFloats(df, a + at), LoadFloats(df, b + at));
    });
    ActivateAll(df, activation, v);
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA { StoreFloats(df, v[k], y + i + k * kLanes); });
  }
  for (; i + kLanes <= count; i += kLanes) {
    FloatVector v[1] = {op(LoadFloats(df, a + i), LoadFloats(df, b + i))};
    ActivateAll(df, activation, v);
    StoreFloats(df, v[0], y + i);
  }
  if (i < count) {
    const int64_t rest = count - i;
    FloatVector v[1] = {op(LoadPart(df, a + i, rest), LoadPart(df, b + i, rest))};
    ActivateAll(df, activation, v);
    StorePart(df, v[0], y + i, rest);
  }
}

/// y = f(x) over contiguous elements.
template <class F, class X, class Y>
HWY_INLINE void UnaryRun(F f, const X* x, Y* y, int64_t count) {
  const FloatTag df;
  int64_t i = 0;
  for (; i + kBlock * kLanes <= count; i += kBlock * kLanes) {
    FloatVector v[kBlock];
    Unroll<kBlock>([&](auto k)
                       DEFTNN_INLINE_LAMBDA { v[k] = f(LoadFloats(df, x + i + k * kLanes)); });
    Unroll<kBlock>([&](auto k) DEFTNN_INLINE_LAMBDA { StoreFloats(df, v[k], y + i + k * kLanes); });
  }
  for (; i + kLanes <= count; i += kLanes) StoreFloats(df, f(LoadFloats(df, x + i)), y + i);
  if (i < count) StorePart(df, f(LoadPart(df, x + i, count - i)), y + i, count - i);
}

template <Activation kKind, class X, class Y>
HWY_NOINLINE void ActivateRun(const ActivationSpec& activation, const X* x, Y* y, int64_t count) {
  UnaryRun([&](FloatVector v) { return ActivateOne<kKind>(FloatTag(), activation, v); }, x, y,
           count);
}

template <class X, class Y>
HWY_INLINE auto SelectActivateRun(Activation kind) {
  switch (kind) {
    case Activation::kNone:
      return &ActivateRun<Activation::kNone, X, Y>;
    case Activation::kRelu:
      return &ActivateRun<Activation::kRelu, X, Y>;
    case Activation::kClip:
      return &ActivateRun<Activation::kClip, X, Y>;
    case Activation::kLeakyRelu:
      return &ActivateRun<Activation::kLeakyRelu, X, Y>;
    case Activation::kSigmoid:
      return &ActivateRun<Activation::kSigmoid, X, Y>;
    case Activation::kHardSigmoid:
      return &ActivateRun<Activation::kHardSigmoid, X, Y>;
    case Activation::kHardSwish:
      return &ActivateRun<Activation::kHardSwish, X, Y>;
    case Activation::kTanh:
      return &ActivateRun<Activation::kTanh, X, Y>;
  }
  return &ActivateRun<Activation::kNone, X, Y>;
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
      const auto run = SelectActivateRun<decltype(x), decltype(y)>(args.activation.kind);
      for (int64_t row = begin; row < end; ++row) {
        const auto* source = RowAt<decltype(x)>(args.input, row);
        auto* target = RowAt<decltype(y)>(args.output, row);
        for (int64_t i = 0; i < runs; ++i) {
          run(args.activation, source + i * in.pixel_stride, target + i * out.pixel_stride, length);
        }
      }
    });
  });
}

template <class Op, class A, class B, class Y>
HWY_NOINLINE void BinaryViewRows(const BinaryArgs& args, int64_t begin, int64_t end) {
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
      BinaryRun(Op(), first + i * a.pixel_stride, second + i * b.pixel_stride, args.activation,
                target + i * out.pixel_stride, length);
    }
  }
}

template <class Op, class A, class Y>
HWY_NOINLINE void BinaryVectorRows(const BinaryArgs& args, int64_t begin, int64_t end) {
  const Layout& a = args.a.layout;
  const Layout& out = args.output.layout;
  for (int64_t row = begin; row < end; ++row) {
    const A* first = RowAt<A>(args.a, row);
    Y* target = RowAt<Y>(args.output, row);
    const float* second = args.vector + row / a.height * args.vector_image_stride;
    for (int64_t i = 0; i < a.width; ++i) {
      BinaryRun(Op(), first + i * a.pixel_stride, second, args.activation,
                target + i * out.pixel_stride, a.channels);
    }
  }
}

void BinaryRows(const BinaryArgs& args, int64_t begin, int64_t end) {
  WithOp(args.op, [&](auto op) {
    WithCode(args.a.layout.format, [&](auto a) {
      WithCode(args.output.layout.format, [&](auto y) {
        using Op = decltype(op);
        if (args.vector != nullptr) {
          return BinaryVectorRows<Op, decltype(a), decltype(y)>(args, begin, end);
        }
        WithCode(args.b.layout.format, [&](auto b) {
          BinaryViewRows<Op, decltype(a), decltype(b), decltype(y)>(args, begin, end);
        });
      });
    });
  });
}

void FlatActivate(const ActivationSpec& activation, const float* x, float* y, int64_t count) {
  SelectActivateRun<float, float>(activation.kind)(activation, x, y, count);
}

void FlatBinary(BinaryOp op, const float* a, const float* b, float* y, int64_t count) {
  WithOp(op, [&](auto f) { BinaryRun(f, a, b, ActivationSpec{}, y, count); });
}

void FlatScalar(BinaryOp op, const float* a, float b, float* y, int64_t count) {
  WithOp(op, [&](auto f) { BinaryRun(f, a, Repeated{b}, ActivationSpec{}, y, count); });
}

void FlatUnary(UnaryFunction function, const float* x, float* y, int64_t count) {
  const FloatTag df;
  switch (function) {
    case UnaryFunction::kExp:
      return UnaryRun([&](FloatVector v) { return ExpOf(df, v); }, x, y, count);
    case UnaryFunction::kErf:
      return UnaryRun([&](FloatVector v) { return ErfOf(df, v); }, x, y, count);
    case UnaryFunction::kSqrt:
      return UnaryRun([&](FloatVector v) { return hn::Sqrt(v); }, x, y, count);
    case UnaryFunction::kTanh:
      return UnaryRun([&](FloatVector v) { return TanhOf(df, v); }, x, y, count);
    case UnaryFunction::kSigmoid:
      return UnaryRun([&](FloatVector v) { return SigmoidOf(df, v); }, x, y, count);
  }
}

}  // namespace
}  // namespace deftnn
