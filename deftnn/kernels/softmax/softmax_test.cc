#include "deftnn/kernels/softmax/softmax.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(SoftmaxKernels, EachFileIsCompiledForItsTarget) {
#if defined(__x86_64__)
  EXPECT_EQ(SelectSoftmax(Isa::kPortable).target, HWY_EMU128);
  EXPECT_EQ(SelectSoftmax(Isa::kAvx2).target, HWY_AVX2);
  EXPECT_EQ(SelectSoftmax(Isa::kAvx512).target, HWY_AVX3);
#endif
}

/// The definition in double; NaN for a row that has no softmax.
std::vector<double> Oracle(const float* x, int64_t length, bool logarithm) {
  const double largest = *std::max_element(x, x + length);
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += std::exp(x[i] - largest);
  std::vector<double> y;
  for (int64_t i = 0; i < length; ++i) {
    y.push_back(logarithm ? x[i] - largest - std::log(sum) : std::exp(x[i] - largest) / sum);
  }
  return y;
}

TEST(SoftmaxKernels, MatchTheDefinition) {
  ThreadPool pool(2);
  Rng rng(41);
  for (const Isa isa : UsableIsas()) {
    for (const int64_t length : {1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 33, 100, 1000, 1001}) {
      for (const float offset : {0.0f, 3000.0f, -3000.0f}) {
        for (const bool logarithm : {false, true}) {
          SCOPED_TRACE(
              fmt::format("{} length {} offset {} log {}", NameOf(isa), length, offset, logarithm));
          const int64_t rows = rng.Between(1, 40), x_stride = length + 3, y_stride = length + 1;
          std::vector<float> x(static_cast<size_t>((rows - 1) * x_stride + length));
          std::vector<float> y(static_cast<size_t>((rows - 1) * y_stride + length), -7.0f);
          for (float& v : x) v = static_cast<float>(rng.Normal() * 4) + offset;
          RunSoftmax(SelectSoftmax(isa),
                     {x.data(), y.data(), rows, length, x_stride, y_stride, logarithm}, pool);
          for (int64_t r = 0; r < rows; ++r) {
            const std::vector<double> expected = Oracle(&x[r * x_stride], length, logarithm);
            for (int64_t i = 0; i < length; ++i) {
              const double scale = logarithm ? std::abs(expected[i]) + 1 : expected[i];
              ASSERT_NEAR(y[r * y_stride + i], expected[i], 4e-6 * scale + 1e-37) << r << " " << i;
            }
            if (r + 1 < rows) {
              ASSERT_EQ(y[r * y_stride + length], -7.0f);
            }
          }
        }
      }
    }
  }
}

TEST(SoftmaxKernels, InPlaceAndManyThreadsGiveTheSame) {
  ThreadPool one(1), three(3);
  Rng rng(42);
  for (const Isa isa : UsableIsas()) {
    for (const int64_t length : {2, 5, 101}) {
      const int64_t rows = 20'021 / length;
      std::vector<float> x(static_cast<size_t>(rows * length)), y(x.size());
      for (float& v : x) v = static_cast<float>(rng.Normal());
      for (const bool logarithm : {false, true}) {
        SCOPED_TRACE(fmt::format("{} length {} log {}", NameOf(isa), length, logarithm));
        std::vector<float> in_place = x;
        RunSoftmax(SelectSoftmax(isa),
                   {x.data(), y.data(), rows, length, length, length, logarithm}, one);
        RunSoftmax(SelectSoftmax(isa),
                   {in_place.data(), in_place.data(), rows, length, length, length, logarithm},
                   three);
        EXPECT_EQ(in_place, y);
      }
    }
  }
}

TEST(SoftmaxKernels, SpecialValues) {
  ThreadPool pool(1);
  for (const Isa isa : UsableIsas()) {
    for (const bool logarithm : {false, true}) {
      for (const int64_t length : {1, 2, 3, 5, 8, 16, 21, 40, 1000}) {
        SCOPED_TRACE(fmt::format("{} length {} log {}", NameOf(isa), length, logarithm));
        const auto run = [&](std::vector<float> x) {
          RunSoftmax(SelectSoftmax(isa), {x.data(), x.data(), 1, length, length, length, logarithm},
                     pool);
          return x;
        };
        for (const float bad : {kNan, -kNan, kInf}) {
          for (const int64_t at : {int64_t{0}, length / 2, length - 1}) {
            std::vector<float> x(static_cast<size_t>(length), 1.0f);
            x[at] = bad;
            const std::vector<float> y = run(x);
            for (const float v : y) EXPECT_TRUE(std::isnan(v)) << at;
          }
        }
        for (const float v : run(std::vector<float>(static_cast<size_t>(length), -kInf))) {
          EXPECT_TRUE(std::isnan(v));
        }
        if (length == 1) continue;
        std::vector<float> x(static_cast<size_t>(length), 2.0f);
        x[1] = -kInf;
        const std::vector<float> y = run(x);
        EXPECT_EQ(y[1], logarithm ? -kInf : 0.0f);
        EXPECT_NEAR(y[0], logarithm ? -std::log(length - 1.0) : 1.0 / (length - 1.0), 1e-6);
      }
    }
  }
}

// Rows that share a vector keep their special values to themselves.
TEST(SoftmaxKernels, SpecialRowsDoNotTouchTheirNeighbours) {
  ThreadPool pool(1);
  Rng rng(43);
  for (const Isa isa : UsableIsas()) {
    for (const int64_t length : {1, 2, 3, 8, 9}) {
      const int64_t rows = 37;
      std::vector<float> x(static_cast<size_t>(rows * length));
      for (float& v : x) v = static_cast<float>(rng.Normal());
      const auto run = [&](std::vector<float> values) {
        RunSoftmax(SelectSoftmax(isa),
                   {values.data(), values.data(), rows, length, length, length, false}, pool);
        return values;
      };
      const std::vector<float> clean = run(x);
      const float specials[] = {kNan, kInf, -kInf};
      for (int64_t r = 0; r < rows; r += 5) {
        std::fill_n(x.begin() + r * length, length, specials[r % 3]);
      }
      const std::vector<float> mixed = run(x);
      for (int64_t i = 0; i < rows * length; ++i) {
        SCOPED_TRACE(fmt::format("{} length {} element {}", NameOf(isa), length, i));
        if (i / length % 5 == 0) {
          EXPECT_TRUE(std::isnan(mixed[i]));
        } else {
          EXPECT_EQ(mixed[i], clean[i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace deftnn
