#include "deftnn/ops/pool.h"

#include <gmock/gmock.h>

#include <limits>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::ExpectFloats;
using test::Floats;
using test::Ints;
using test::Refusal;
using test::RunOp;
using ::testing::HasSubstr;

const Attributes kTwo = {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}};

Attributes With(Attributes attributes, const std::string& name, Attribute value) {
  attributes[name] = std::move(value);
  return attributes;
}

TEST(MaxPool, TakesTheLargestUnderTheWindow) {
  const Tensor x = Floats({1, 1, 3, 3}, {-1, -2, -3, -4, -5, -6, -7, -8, -9});
  ExpectFloats(RunOp("MaxPool", {x}, kTwo), {1, 1, 1, 1}, {-1});
  ExpectFloats(RunOp("MaxPool", {x}, With(kTwo, "ceil_mode", int64_t{1})), {1, 1, 2, 2},
               {-1, -3, -7, -9});
  ExpectFloats(RunOp("MaxPool", {x}, With(kTwo, "pads", Ints{1, 1, 0, 0})), {1, 1, 2, 2},
               {-1, -2, -4, -5});
  ExpectFloats(RunOp("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{2, 2}}}),
               {1, 1, 1, 1}, {-1});
}

TEST(MaxPool, OneSpatialAxisAndIntegers) {
  ExpectFloats(RunOp("MaxPool", {Floats({1, 1, 4}, {1, 3, 2, 0})}, {{"kernel_shape", Ints{3}}}),
               {1, 1, 2}, {3, 3});
  const Tensor bytes = Tensor::Of<int8_t>({1, 1, 2}, std::vector<int8_t>{-128, -7});
  EXPECT_EQ(RunOp("MaxPool", {bytes}, {{"kernel_shape", Ints{2}}}).values<int8_t>()[0], -7);
}

TEST(MaxPool, NanWins) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = RunOp("MaxPool", {Floats({1, 1, 3}, {1, nan, 2})}, {{"kernel_shape", Ints{3}}});
  EXPECT_TRUE(std::isnan(y.values<float>()[0]));
}

TEST(MaxPool, RefusesWhatItCannotDo) {
  const Tensor x = Floats({1, 1, 3, 3}, std::vector<float>(9));
  EXPECT_THAT(Refusal("MaxPool", {x}, kTwo, 2), HasSubstr("Indices"));
  EXPECT_THAT(Refusal("MaxPool", {x}), HasSubstr("kernel_shape"));
  EXPECT_THAT(Refusal("MaxPool", {x}, {{"kernel_shape", Ints{4, 4}}}), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal("MaxPool", {x}, With(kTwo, "strides", Ints{0, 0})), HasSubstr("strides"));
  EXPECT_THAT(Refusal("MaxPool", {Floats({1, 3}, {1, 2, 3})}, kTwo), HasSubstr("spatial"));
  EXPECT_THAT(Refusal("AveragePool", {x}, With(kTwo, "pads", Ints{5, 0, 0, 0})),
              HasSubstr("padding"));
}

TEST(AveragePool, PaddingCountsOnlyWhenAsked) {
  const Tensor x = Floats({1, 1, 2, 2}, {1, 2, 3, 4});
  Attributes padded = With(kTwo, "pads", Ints{1, 1, 1, 1});
  ExpectFloats(RunOp("AveragePool", {x}, padded), {1, 1, 2, 2}, {1, 2, 3, 4});
  ExpectFloats(RunOp("AveragePool", {x}, With(padded, "count_include_pad", int64_t{1})),
               {1, 1, 2, 2}, {0.25f, 0.5f, 0.75f, 1});
}

TEST(AveragePool, WhatACeilWindowHangsOverNeverCounts) {
  const Tensor x = Floats({1, 1, 3}, {2, 4, 6});
  Attributes attributes = {
      {"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"ceil_mode", int64_t{1}}};
  ExpectFloats(RunOp("AveragePool", {x}, attributes), {1, 1, 2}, {3, 6});
  attributes["count_include_pad"] = int64_t{1};
  ExpectFloats(RunOp("AveragePool", {x}, attributes), {1, 1, 2}, {3, 6});
}

TEST(GlobalPool, ReducesEveryPlane) {
  const Tensor x = Floats({1, 2, 1, 2}, {1, 3, -5, -7});
  ExpectFloats(RunOp("GlobalAveragePool", {x}), {1, 2, 1, 1}, {2, -6});
  ExpectFloats(RunOp("GlobalMaxPool", {x}), {1, 2, 1, 1}, {3, -5});
  EXPECT_THAT(Refusal("GlobalAveragePool", {Floats({1, 2, 0}, {})}), HasSubstr("empty"));
  ExpectFloats(RunOp("GlobalAveragePool", {Floats({0, 2, 3}, {})}), {0, 2, 1}, {});
}

// The naive definition, written another way: every input position asks whether it is in the window.
TEST(Pool, RandomWindowsAgainstTheDefinition) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 100; ++round) {
    const int64_t h = rng.Between(3, 8), k = rng.Between(1, 3), s = rng.Between(1, 3);
    const int64_t d = rng.Between(1, 2), before = rng.Below(k), after = rng.Below(k);
    const Tensor x = test::Normal(rng, {1, 2, h});
    const bool include = rng.Below(2) == 1;
    const Attributes attributes = {
        {"kernel_shape", Ints{k}},   {"strides", Ints{s}},
        {"dilations", Ints{d}},      {"pads", Ints{before, after}},
        {"ceil_mode", rng.Below(2)}, {"count_include_pad", int64_t{include}}};
    if (h + before + after < (k - 1) * d + 1) continue;
    const Tensor mean = RunOp("AveragePool", {x}, attributes);
    const Tensor most = RunOp("MaxPool", {x}, attributes);
    ASSERT_TRUE(mean.defined() && most.defined());
    for (int64_t c = 0; c < 2; ++c) {
      for (int64_t o = 0; o < mean.dim(2); ++o) {
        double sum = 0, best = -std::numeric_limits<float>::max();
        int64_t count = 0;
        for (int64_t p = -before; p < h + after; ++p) {
          const int64_t from_start = p - (o * s - before);
          if (from_start < 0 || from_start % d != 0 || from_start / d >= k) continue;
          const bool inside = p >= 0 && p < h;
          count += inside || include;
          if (!inside) continue;
          sum += x.values<float>()[c * h + p];
          best = std::max<double>(best, x.values<float>()[c * h + p]);
        }
        ASSERT_NEAR(mean.values<float>()[c * mean.dim(2) + o],
                    count == 0 ? 0 : sum / static_cast<double>(count), 1e-6);
        ASSERT_EQ(most.values<float>()[c * mean.dim(2) + o], static_cast<float>(best));
      }
    }
  }
}

}  // namespace
}  // namespace deftnn
