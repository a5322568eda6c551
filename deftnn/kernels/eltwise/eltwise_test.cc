#include "deftnn/kernels/eltwise/eltwise.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "deftnn/kernels/view_test.h"

namespace deftnn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(EltwiseKernels, EachFileIsCompiledForItsTarget) {
#if defined(__x86_64__)
  EXPECT_EQ(SelectEltwise(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectEltwise(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectEltwise(Isa::kAvx512).target, HWY_AVX3);
#endif
}

const ActivationSpec kActivations[] = {
    {Activation::kNone},          {Activation::kRelu},
    {Activation::kClip, -0.5, 1}, {Activation::kLeakyRelu, 0.1f},
    {Activation::kSigmoid},       {Activation::kHardSigmoid, 0.2f, 0.5f},
    {Activation::kHardSwish},     {Activation::kTanh},
    {Activation::kGelu},          {Activation::kGeluTanh},
};

/// `tolerance` is relative, in fp32; DFP16 adds half a step of its own.
void ExpectNear(float actual, double expected, Format format, double tolerance) {
  if (std::isnan(expected)) {
    ASSERT_TRUE(std::isnan(actual));
  } else if (std::isinf(expected)) {
    ASSERT_EQ(actual, expected);
  } else {
    const double step = format == Format::kFp32 ? 0 : 0x1.02p-9 * 2;
    ASSERT_NEAR(actual, expected, std::abs(expected) * (tolerance + step) + 1e-7);
  }
}

double Apply(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kReverseSub:
      return b - a;
    case BinaryOp::kReverseDiv:
      return b / a;
  }
  return 0;
}

TEST(EltwiseKernels, ActivationsOfViews) {
  ThreadPool pool(2);
  Rng rng(31);
  for (const Isa isa : UsableIsas()) {
    for (const ActivationSpec& spec : kActivations) {
      for (const int64_t c : {1, 3, 16, 37, 64, 130}) {
        const Format from = kFormats[rng.Below(2)], to = kFormats[rng.Below(2)];
        const int64_t gap = rng.Below(2) * 5;
        SCOPED_TRACE(fmt::format("{} activation {} c {} {}->{} gap {}", NameOf(isa),
                                 static_cast<int>(spec.kind), c, NameOf(from), NameOf(to), gap));
        TestView in(2, 3, 4, c, from, rng, gap), out(2, 3, 4, c, to, rng, rng.Below(2) * 3);
        in.Set(1, 1, 1, c / 2, kNan);
        const TestView before = out;
        RunActivate(SelectEltwise(isa), {in.view(), out.view(), spec}, pool);
        out.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t i) {
          ExpectNear(out.Get(n, h, w, i), Activate(spec, in.Get(n, h, w, i)), to, 2e-6);
        });
        out.ExpectOnlyInteriorDiffersFrom(before);
      }
    }
  }
}

TEST(EltwiseKernels, BroadcastRowsLieAnywhere) {
  ThreadPool pool(2);
  Rng rng(33);
  for (const Isa isa : UsableIsas()) {
    for (int trial = 0; trial < 120; ++trial) {
      BroadcastArgs args;
      args.op = static_cast<BinaryOp>(trial % 6);
      args.rows = rng.Between(1, 9);
      args.columns = trial % 5 == 0 ? rng.Between(5000, 9000) : rng.Between(1, 70);
      args.a_one = trial % 3 == 1;
      args.b_one = trial % 3 == 2;
      args.format = kFormats[rng.Below(2)];
      SCOPED_TRACE(
          fmt::format("{} trial {}: {} x {}", NameOf(isa), trial, args.rows, args.columns));
      std::vector<float> a(static_cast<size_t>(3 * args.columns)), b = a;
      for (float& x : a) x = static_cast<float>(rng.Normal());
      for (float& x : b) x = static_cast<float>(rng.Normal());
      a[a.size() / 2] = kNan;
      std::vector<int64_t> a_rows, b_rows;
      for (int64_t row = 0; row < args.rows; ++row) {
        a_rows.push_back(rng.Below(2 * args.columns + 1));
        b_rows.push_back(rng.Below(2 * args.columns + 1));
      }
      args.a = a.data(), args.b = b.data();
      args.a_rows = a_rows.data(), args.b_rows = b_rows.data();
      TestView out(1, 1, args.rows, args.columns, args.format, rng, 0);
      const TestView before = out;
      args.output = out.view().data;
      RunBroadcast(SelectEltwise(isa), args, pool);
      out.ForEach([&](int64_t, int64_t, int64_t row, int64_t i) {
        const float x = a[static_cast<size_t>(a_rows[row] + (args.a_one ? 0 : i))];
        const float y = b[static_cast<size_t>(b_rows[row] + (args.b_one ? 0 : i))];
        ExpectNear(out.Get(0, 0, row, i), Apply(args.op, x, y), args.format, 1e-6);
      });
      out.ExpectOnlyInteriorDiffersFrom(before);
    }
  }
}

TEST(EltwiseKernels, BinaryOfViewsAndVectors) {
  ThreadPool pool(2);
  Rng rng(32);
  for (const Isa isa : UsableIsas()) {
    for (int trial = 0; trial < 200; ++trial) {
      BinaryArgs args;
      args.op = static_cast<BinaryOp>(trial % 6);
      args.activation = kActivations[rng.Below(8)];
      const int64_t channels[] = {1, 3, 16, 37, 64, 65, rng.Between(1, 140)};
      const int64_t n = rng.Between(1, 3), h = rng.Between(1, 4), w = rng.Between(1, 5);
      const int64_t c = channels[rng.Below(7)];
      Format formats[3];
      for (Format& format : formats) format = kFormats[rng.Below(2)];
      const int kind = static_cast<int>(rng.Below(3));  // a view, one vector, a vector an image
      SCOPED_TRACE(fmt::format("{} trial {} op {} activation {} {}x{}x{}x{} {} {}->{} kind {}",
                               NameOf(isa), trial, static_cast<int>(args.op),
                               static_cast<int>(args.activation.kind), n, h, w, c,
                               NameOf(formats[0]), NameOf(formats[1]), NameOf(formats[2]), kind));
      TestView a(n, h, w, c, formats[0], rng, rng.Below(2) * 4);
      TestView b(n, h, w, c, formats[1], rng, rng.Below(2) * 6);
      TestView out(n, h, w, c, formats[2], rng, rng.Below(2) * 2);
      a.Set(0, 0, 0, c / 2, kNan);
      std::vector<float> vector(static_cast<size_t>(n * c));
      for (float& x : vector) x = static_cast<float>(rng.Normal());
      args.a = a.view(), args.output = out.view();
      if (kind == 0) {
        args.b = b.view();
      } else {
        args.vector = vector.data();
        args.vector_image_stride = kind == 1 ? 0 : c;
      }
      const TestView before = out;
      RunBinary(SelectEltwise(isa), args, pool);
      out.ForEach([&](int64_t i, int64_t y, int64_t x, int64_t j) {
        const double second = kind == 0 ? b.Get(i, y, x, j)
                                        : vector[static_cast<size_t>((kind == 1 ? 0 : i * c) + j)];
        const double plain = Apply(args.op, a.Get(i, y, x, j), second);
        ExpectNear(out.Get(i, y, x, j), Activate(args.activation, static_cast<float>(plain)),
                   formats[2], 2e-6);
      });
      out.ExpectOnlyInteriorDiffersFrom(before);
    }
  }
}

TEST(EltwiseKernels, InPlace) {
  ThreadPool pool(1);
  Rng rng(33);
  for (const Isa isa : UsableIsas()) {
    TestView a(1, 3, 5, 70, Format::kDfp16, rng, 0);
    const TestView before = a, b(1, 3, 5, 70, Format::kFp32, rng, 0);
    BinaryArgs args;
    args.a = args.output = a.view();
    args.b = b.view();
    args.activation = {Activation::kRelu};
    RunBinary(SelectEltwise(isa), args, pool);
    a.ForEach([&](int64_t n, int64_t h, int64_t w, int64_t c) {
      const float sum = before.Get(n, h, w, c) + b.Get(n, h, w, c);
      ASSERT_EQ(a.Get(n, h, w, c), RoundTo(Format::kDfp16, sum < 0 ? 0 : sum));
    });
  }
}

TEST(EltwiseKernels, FlatArithmeticIsExact) {
  ThreadPool pool(2);
  Rng rng(34);
  for (const Isa isa : UsableIsas()) {
    for (const int64_t count : {0, 1, 7, 16, 63, 64, 65, 1000, 70000}) {
      std::vector<float> a(static_cast<size_t>(count)), b(a), y(a);
      for (float& x : a) x = static_cast<float>(rng.Normal());
      for (float& x : b) x = static_cast<float>(rng.Normal());
      for (int op = 0; op < 6; ++op) {
        SCOPED_TRACE(fmt::format("{} op {} count {}", NameOf(isa), op, count));
        // Rounding a double result of two floats once more is exact for these operations.
        RunFlatBinary(SelectEltwise(isa), BinaryOp(op), a.data(), b.data(), y.data(), count, pool);
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_EQ(y[i], static_cast<float>(Apply(BinaryOp(op), a[i], b[i])));
        }
        RunFlatScalar(SelectEltwise(isa), BinaryOp(op), a.data(), 1.7f, y.data(), count, pool);
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_EQ(y[i], static_cast<float>(Apply(BinaryOp(op), a[i], 1.7f)));
        }
      }
    }
  }
}

double Reference(UnaryFunction function, double x) {
  switch (function) {
    case UnaryFunction::kExp:
      return std::exp(x);
    case UnaryFunction::kErf:
      return std::erf(x);
    case UnaryFunction::kSqrt:
      return std::sqrt(x);
    case UnaryFunction::kTanh:
      return std::tanh(x);
    case UnaryFunction::kSigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return 0;
}

/// Arguments of every magnitude, dense where the functions bend.
std::vector<float> Arguments() {
  Rng rng(35);
  std::vector<float> x = {0.0f, -0.0f, 0.625f, 0.9f, 4.0f, 1e-30f, -1e-30f, 88.7f, -87.3f};
  for (int i = 0; i < 40000; ++i) {
    x.push_back(static_cast<float>((rng.Uniform() * 2 - 1) * 12));
    x.push_back(static_cast<float>(rng.Uniform() * 2 - 1));
    x.push_back(static_cast<float>(
        std::ldexp(rng.Uniform() * 2 - 1, static_cast<int>(rng.Between(-60, 6)))));
  }
  return x;
}

TEST(EltwiseKernels, FunctionsAreAccurate) {
  ThreadPool pool(1);
  const std::vector<float> x = Arguments();
  std::vector<float> y(x.size());
  for (const Isa isa : UsableIsas()) {
    for (int f = 0; f < 5; ++f) {
      const UnaryFunction function = UnaryFunction(f);
      RunFlatUnary(SelectEltwise(isa), function, x.data(), y.data(), static_cast<int64_t>(x.size()),
                   pool);
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = Reference(function, x[i]);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(y[i])) << x[i];
          continue;
        }
        if (function == UnaryFunction::kSigmoid && x[i] < -87)
          continue;  // e^-x overflows near there
        const double error = std::abs(y[i] - expected) / std::max(std::abs(expected), 0x1p-126);
        if (error > worst) worst = error, where = x[i];
      }
      EXPECT_LE(worst, 1e-6) << NameOf(isa) << " function " << f << " at " << where;
      RecordProperty(fmt::format("{}_{}", NameOf(isa), f), fmt::format("{:.3g}", worst));
    }
  }
}

TEST(EltwiseKernels, FunctionsAtTheEdges) {
  ThreadPool pool(1);
  const std::vector<float> x = {kNan,   -kNan, kInf,    -kInf,  1e30f,
                                -1e30f, 89.0f, -104.0f, -95.0f, 88.7228f};
  for (const Isa isa : UsableIsas()) {
    SCOPED_TRACE(NameOf(isa));
    std::vector<float> y(x.size());
    const auto run = [&](UnaryFunction function) {
      RunFlatUnary(SelectEltwise(isa), function, x.data(), y.data(), static_cast<int64_t>(x.size()),
                   pool);
      EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
    };
    run(UnaryFunction::kExp);
    EXPECT_EQ(y[2], kInf);
    EXPECT_EQ(y[3], 0);
    EXPECT_EQ(y[4], kInf);
    EXPECT_EQ(y[5], 0);
    EXPECT_EQ(y[6], kInf);
    EXPECT_EQ(y[7], 0);
    EXPECT_NEAR(y[8], std::exp(-95.0), 0x1p-148);  // a subnormal
    EXPECT_NEAR(y[9] / std::exp(88.7228), 1, 1e-5);
    run(UnaryFunction::kTanh);
    EXPECT_EQ(y[2], 1);
    EXPECT_EQ(y[3], -1);
    run(UnaryFunction::kErf);
    EXPECT_EQ(y[2], 1);
    EXPECT_EQ(y[3], -1);
    run(UnaryFunction::kSigmoid);
    EXPECT_EQ(y[2], 1);
    EXPECT_EQ(y[3], 0);
    run(UnaryFunction::kSqrt);
    EXPECT_EQ(y[2], kInf);
    EXPECT_TRUE(std::isnan(y[3]));
  }
}

TEST(EltwiseKernels, FlatActivations) {
  ThreadPool pool(3);
  Rng rng(36);
  for (const Isa isa : UsableIsas()) {
    for (const ActivationSpec& spec : kActivations) {
      std::vector<float> x(70001), y(x.size());
      for (float& v : x) v = static_cast<float>(rng.Normal() * 3);
      x[5] = kNan;
      RunFlatActivate(SelectEltwise(isa), spec, x.data(), y.data(), 70001, pool);
      for (size_t i = 0; i < x.size(); ++i) {
        ExpectNear(y[i], Activate(spec, x[i]), Format::kFp32, 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace deftnn
