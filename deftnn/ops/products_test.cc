// Conv, Gemm, MatMul and BatchNormalization.
#include <gmock/gmock.h>

#include "deftnn/ops/conv.h"
#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::ExpectFloats;
using test::Floats;
using test::Ints;
using test::Normal;
using test::Refusal;
using test::RunOp;
using ::testing::HasSubstr;

TEST(Conv, AddsTheBiasToTheSumUnderTheWindow) {
  const Tensor x = Floats({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor w = Floats({1, 1, 2, 2}, {1, 10, 100, 1000});
  ExpectFloats(RunOp("Conv", {x, w, Floats({1}, {0.5f})}), {1, 1, 2, 2},
               {5421.5f, 6532.5f, 8754.5f, 9865.5f});
}

TEST(Conv, PadsAreTopLeftBottomRight) {
  const Tensor x = Floats({1, 1, 1, 2}, {1, 2});
  const Tensor w = Floats({1, 1, 1, 2}, {1, 10});
  ExpectFloats(RunOp("Conv", {x, w}, {{"pads", Ints{0, 1, 0, 0}}}), {1, 1, 1, 2}, {10, 21});
  ExpectFloats(RunOp("Conv", {x, w}, {{"pads", Ints{0, 0, 0, 1}}}), {1, 1, 1, 2}, {21, 2});
  ExpectFloats(RunOp("Conv", {x, w}, {{"auto_pad", std::string("SAME_UPPER")}}), {1, 1, 1, 2},
               {21, 2});
  ExpectFloats(RunOp("Conv", {x, w}, {{"auto_pad", std::string("SAME_LOWER")}}), {1, 1, 1, 2},
               {10, 21});
  ExpectFloats(RunOp("Conv", {x, w}, {{"auto_pad", std::string("VALID")}}), {1, 1, 1, 1}, {21});
}

TEST(Conv, OneSpatialAxisWithStrideAndDilation) {
  const Tensor x = Floats({1, 1, 7}, {1, 2, 3, 4, 5, 6, 7});
  const Tensor w = Floats({1, 1, 2}, {1, 10});
  ExpectFloats(RunOp("Conv", {x, w}, {{"dilations", Ints{3}}, {"strides", Ints{2}}}), {1, 1, 2},
               {41, 63});
}

TEST(Conv, EveryGroupIsAConvolutionOfItsOwn) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 10; ++round) {
    const int64_t groups = rng.Between(1, 3), c = rng.Between(1, 3), m = rng.Between(1, 3);
    const int64_t h = rng.Between(3, 6), w = rng.Between(3, 6);
    const Tensor x = Normal(rng, {2, groups * c, h, w});
    const Tensor filters = Normal(rng, {groups * m, c, 3, 2});
    const Tensor y = RunOp("Conv", {x, filters}, {{"group", groups}, {"pads", Ints{1, 0, 1, 1}}});
    ASSERT_TRUE(y.defined());
    for (int64_t g = 0; g < groups; ++g) {
      Tensor part = Tensor::Zeros(ElementType::kFloat32, {2, c, h, w});
      for (int64_t n = 0; n < 2; ++n) {
        for (int64_t i = 0; i < c * h * w; ++i) {
          part.mutable_values<float>()[n * c * h * w + i] =
              x.values<float>()[(n * groups + g) * c * h * w + i];
        }
      }
      Tensor own = Tensor::Zeros(ElementType::kFloat32, {m, c, 3, 2});
      for (int64_t i = 0; i < own.size(); ++i) {
        own.mutable_values<float>()[i] = filters.values<float>()[g * own.size() + i];
      }
      const Tensor expected = RunOp("Conv", {part, own}, {{"pads", Ints{1, 0, 1, 1}}});
      const int64_t block = expected.size() / 2;
      for (int64_t i = 0; i < expected.size(); ++i) {
        const int64_t at = i / block * block * groups + g * block + i % block;
        ASSERT_NEAR(y.values<float>()[at], expected.values<float>()[i], 1e-5f);
      }
    }
  }
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const Tensor x = Floats({1, 2, 3, 3}, std::vector<float>(18));
  const Tensor w = Floats({2, 2, 2, 2}, std::vector<float>(16));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"group", int64_t{0}}}), HasSubstr("0 groups"));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"group", int64_t{2}}}), HasSubstr("2 groups"));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"strides", Ints{0, 1}}}), HasSubstr("strides"));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"strides", Ints{1}}}), HasSubstr("strides"));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"dilations", Ints{9, 9}}}), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal("Conv", {x, w}, {{"kernel_shape", Ints{3, 3}}}), HasSubstr("kernel_shape"));
  EXPECT_THAT(Refusal("Conv", {x, w, Floats({1}, {0})}), HasSubstr("bias"));
  EXPECT_THAT(Refusal("Conv", {Floats({3}, {0, 0, 0}), w}), HasSubstr("spatial"));
  EXPECT_THAT(Refusal("Conv", {x, test::Int64s({1}, {1})}), HasSubstr("types"));
}

TEST(Gemm, TransposesScalesAndBroadcasts) {
  const Tensor a = Floats({2, 3}, {1, 2, 3, 4, 5, 6}), a_t = Floats({3, 2}, {1, 4, 2, 5, 3, 6});
  const Tensor b = Floats({3, 2}, {1, 0, 0, 1, 1, 1}), b_t = Floats({2, 3}, {1, 0, 1, 0, 1, 1});
  ExpectFloats(RunOp("Gemm", {a, b}), {2, 2}, {4, 5, 10, 11});
  ExpectFloats(RunOp("Gemm", {a_t, b_t}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}}), {2, 2},
               {4, 5, 10, 11});
  ExpectFloats(RunOp("Gemm", {a, b, Floats({2, 1}, {1, 2})}, {{"alpha", 2.0f}, {"beta", 10.0f}}),
               {2, 2}, {18, 20, 40, 42});
  ExpectFloats(RunOp("Gemm", {a, b, Floats({2}, {1, 2})}), {2, 2}, {5, 7, 11, 13});
  ExpectFloats(RunOp("Gemm", {a, b, Floats({}, {1})}), {2, 2}, {5, 6, 11, 12});
  EXPECT_THAT(Refusal("Gemm", {a, a}), HasSubstr("don't fit"));
  EXPECT_THAT(Refusal("Gemm", {a, b, Floats({3}, {1, 2, 3})}), HasSubstr("broadcast"));
  EXPECT_THAT(Refusal("Gemm", {a, Floats({3}, {1, 2, 3})}), HasSubstr("matrices"));
}

TEST(MatMul, FollowsNumpy) {
  const Tensor a = Floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = Floats({3, 2}, {1, 0, 0, 1, 1, 1});
  ExpectFloats(RunOp("MatMul", {a, b}), {2, 2}, {4, 5, 10, 11});
  const Tensor v = Floats({3}, {1, 10, 100});
  ExpectFloats(RunOp("MatMul", {a, v}), {2}, {321, 654});
  ExpectFloats(RunOp("MatMul", {v, b}), {2}, {101, 110});
  ExpectFloats(RunOp("MatMul", {v, v}), {}, {10101});
  const Tensor batch = Floats({2, 1, 1, 2}, {1, 2, 3, 4}), m = Floats({2, 2, 1}, {1, 10, 5, 7});
  ExpectFloats(RunOp("MatMul", {batch, m}), {2, 2, 1, 1}, {21, 19, 43, 43});
  EXPECT_THAT(Refusal("MatMul", {a, a}), HasSubstr("don't fit"));
  EXPECT_THAT(Refusal("MatMul", {Floats({}, {1}), a}), HasSubstr("scalars"));
  const Tensor ints =
      RunOp("MatMul", {test::Int64s({1, 2}, {3, -4}), test::Int64s({2, 1}, {5, 6})});
  EXPECT_EQ(ints.values<int64_t>()[0], -9);
}

TEST(MatMul, AnEmptySumIsZero) {
  ExpectFloats(RunOp("MatMul", {Floats({2, 0}, {}), Floats({0, 2}, {})}), {2, 2}, {0, 0, 0, 0});
}

TEST(BatchNormalization, NormalizesEachChannel) {
  const Tensor x = Floats({1, 2, 2}, {1, 2, 3, 4});
  const Tensor y = RunOp(
      "BatchNormalization",
      {x, Floats({2}, {2, 1}), Floats({2}, {10, 0}), Floats({2}, {1, 3}), Floats({2}, {3, 0})},
      {{"epsilon", 1.0f}});
  ExpectFloats(y, {1, 2, 2}, {10, 11, 0, 1});
  EXPECT_THAT(Refusal("BatchNormalization", {x, Floats({1}, {2}), Floats({2}, {10, 0}),
                                             Floats({2}, {1, 3}), Floats({2}, {3, 0})}),
              HasSubstr("channels"));
}

}  // namespace
}  // namespace deftnn
