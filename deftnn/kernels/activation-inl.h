// The activations of base/activation.h on float vectors, for epilogues.
#pragma once

#include "deftnn/base/activation.h"
#include "deftnn/kernels/math-inl.h"

namespace deftnn {
namespace {

/// Activate(spec, x) of each lane, the kind known when compiling.
template <Activation kKind, class D>
HWY_INLINE hn::Vec<D> ActivateOne(D d, const ActivationSpec& spec, hn::Vec<D> x) {
  const auto zero = hn::Zero(d);
  // Comparisons are false for NaN, so it passes through every clamp.
  const auto clamp = [&](hn::Vec<D> v, hn::Vec<D> low, hn::Vec<D> high) {
    const auto raised = hn::IfThenElse(hn::Lt(v, low), low, v);
    return hn::IfThenElse(hn::Gt(raised, high), high, raised);
  };
  if constexpr (kKind == Activation::kNone) {
    return x;
  } else if constexpr (kKind == Activation::kRelu) {
    return hn::IfThenZeroElse(hn::Lt(x, zero), x);
  } else if constexpr (kKind == Activation::kClip) {
    return clamp(x, hn::Set(d, spec.alpha), hn::Set(d, spec.beta));
  } else if constexpr (kKind == Activation::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, hn::Set(d, spec.alpha)), x);
  } else if constexpr (kKind == Activation::kSigmoid) {
    return SigmoidOf(d, x);
  } else if constexpr (kKind == Activation::kHardSigmoid) {
    return clamp(hn::MulAdd(x, hn::Set(d, spec.alpha), hn::Set(d, spec.beta)), zero,
                 hn::Set(d, 1.0f));
  } else if constexpr (kKind == Activation::kHardSwish) {
    const auto gate = hn::MulAdd(x, hn::Set(d, 1.0f / 6.0f), hn::Set(d, 0.5f));
    return hn::Mul(x, clamp(gate, zero, hn::Set(d, 1.0f)));
  } else {
    static_assert(kKind == Activation::kTanh);
    return TanhOf(d, x);
  }
}

template <Activation kKind, int kCount, class D>
HWY_INLINE void ActivateEach(D d, const ActivationSpec& spec, hn::Vec<D> (&x)[kCount]) {
  for (int i = 0; i < kCount; ++i) x[i] = ActivateOne<kKind>(d, spec, x[i]);
}

/// The kinds that take a long sequence of instructions: one copy, because they cost more than a
/// call.
template <class D>
HWY_NOINLINE void ActivateLong(D d, const ActivationSpec& spec, float* values, int64_t count) {
  for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::MaxLanes(D()))) {
    auto x = hn::LoadU(d, values + i);
    if (spec.kind == Activation::kSigmoid) {
      x = ActivateOne<Activation::kSigmoid>(d, spec, x);
    } else if (spec.kind == Activation::kTanh) {
      x = ActivateOne<Activation::kTanh>(d, spec, x);
    } else if (spec.kind == Activation::kHardSigmoid) {
      x = ActivateOne<Activation::kHardSigmoid>(d, spec, x);
    } else {
      x = ActivateOne<Activation::kHardSwish>(d, spec, x);
    }
    hn::StoreU(x, d, values + i);
  }
}

/// Activate(spec, x) of each lane of several vectors: one branch for all of them.
template <int kCount, class D>
HWY_INLINE void ActivateAll(D d, const ActivationSpec& spec, hn::Vec<D> (&x)[kCount]) {
  switch (spec.kind) {
    case Activation::kNone:
      return;
    case Activation::kRelu:
      return ActivateEach<Activation::kRelu>(d, spec, x);
    case Activation::kClip:
      return ActivateEach<Activation::kClip>(d, spec, x);
    case Activation::kLeakyRelu:
      return ActivateEach<Activation::kLeakyRelu>(d, spec, x);
    default: {
      constexpr int64_t lanes = static_cast<int64_t>(hn::MaxLanes(D()));
      HWY_ALIGN float values[kCount * lanes];
      for (int i = 0; i < kCount; ++i) hn::Store(x[i], d, values + i * lanes);
      ActivateLong(d, spec, values, kCount * lanes);
      for (int i = 0; i < kCount; ++i) x[i] = hn::Load(d, values + i * lanes);
    }
  }
}

}  // namespace
}  // namespace deftnn
