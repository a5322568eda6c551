// The activations of base/activation.h on float vectors, for epilogues.
#pragma once

#include "deftnn/base/activation.h"
#include "deftnn/kernels/math-inl.h"

namespace deftnn {
namespace {

/// Activate(spec, x) of each lane, the kind known when compiling. NaN passes through every clamp.
template <Activation kKind>
HWY_INLINE FloatVector ActivateOne(const ActivationSpec& spec, FloatVector x) {
  const FloatTag df;
  const auto zero = hn::Zero(df), one = hn::Set(df, 1.0f);
  if constexpr (kKind == Activation::kNone) {
    return x;
  } else if constexpr (kKind == Activation::kRelu) {
    return MaxKeepNan(zero, x);
  } else if constexpr (kKind == Activation::kClip) {
    return MinKeepNan(hn::Set(df, spec.beta), MaxKeepNan(hn::Set(df, spec.alpha), x));
  } else if constexpr (kKind == Activation::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, hn::Set(df, spec.alpha)), x);
  } else if constexpr (kKind == Activation::kSigmoid) {
    return SigmoidOf(x);
  } else if constexpr (kKind == Activation::kHardSigmoid) {
    const auto gate = hn::MulAdd(x, hn::Set(df, spec.alpha), hn::Set(df, spec.beta));
    return MinKeepNan(one, MaxKeepNan(zero, gate));
  } else if constexpr (kKind == Activation::kHardSwish) {
    const auto gate = hn::MulAdd(x, hn::Set(df, 1.0f / 6.0f), hn::Set(df, 0.5f));
    return hn::Mul(x, MinKeepNan(one, MaxKeepNan(zero, gate)));
  } else if constexpr (kKind == Activation::kTanh) {
    return TanhOf(x);
  } else if constexpr (kKind == Activation::kGelu) {
    return GeluOf(x);
  } else {
    static_assert(kKind == Activation::kGeluTanh);
    return GeluTanhOf(x);
  }
}

template <Activation kKind, int kCount>
HWY_INLINE void ActivateEach(const ActivationSpec& spec, FloatVector (&x)[kCount]) {
  Unroll<kCount>([&](auto i) DEFTNN_INLINE_LAMBDA { x[i] = ActivateOne<kKind>(spec, x[i]); });
}

template <Activation kKind>
HWY_INLINE void ActivateWhole(const ActivationSpec& spec, float* values, int64_t count) {
  const FloatTag df;
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::StoreU(ActivateOne<kKind>(spec, hn::LoadU(df, values + i)), df, values + i);
  }
}

/// Activate(spec, x) in place, of whole vectors, for the kinds that are no clamp. One copy: most
/// take a long sequence of instructions and cost more than a call.
HWY_NOINLINE void ActivateLong(const ActivationSpec& spec, float* values, int64_t count) {
  switch (spec.kind) {
    case Activation::kLeakyRelu:
      return ActivateWhole<Activation::kLeakyRelu>(spec, values, count);
    case Activation::kSigmoid:
      return ActivateWhole<Activation::kSigmoid>(spec, values, count);
    case Activation::kHardSigmoid:
      return ActivateWhole<Activation::kHardSigmoid>(spec, values, count);
    case Activation::kHardSwish:
      return ActivateWhole<Activation::kHardSwish>(spec, values, count);
    case Activation::kTanh:
      return ActivateWhole<Activation::kTanh>(spec, values, count);
    case Activation::kGelu:
      return ActivateWhole<Activation::kGelu>(spec, values, count);
    case Activation::kGeluTanh:
      return ActivateWhole<Activation::kGeluTanh>(spec, values, count);
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kClip:
      return;
  }
}

/// Activate(spec, x) of each lane of several vectors: one branch for all of them.
template <int kCount>
HWY_INLINE void ActivateAll(const ActivationSpec& spec, FloatVector (&x)[kCount]) {
  switch (spec.kind) {
    case Activation::kNone:
      return;
    case Activation::kRelu:
      return ActivateEach<Activation::kRelu>(spec, x);
    case Activation::kClip:
      return ActivateEach<Activation::kClip>(spec, x);
    case Activation::kLeakyRelu:
      return ActivateEach<Activation::kLeakyRelu>(spec, x);
    default: {
      const FloatTag df;
      HWY_ALIGN float values[kCount * kLanes];
      Unroll<kCount>([&](auto i)
                         DEFTNN_INLINE_LAMBDA { hn::Store(x[i], df, values + i * kLanes); });
      ActivateLong(spec, values, kCount * kLanes);
      Unroll<kCount>([&](auto i)
                         DEFTNN_INLINE_LAMBDA { x[i] = hn::Load(df, values + i * kLanes); });
    }
  }
}

}  // namespace
}  // namespace deftnn
