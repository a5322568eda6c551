// Reductions, ArgMax, the softmaxes, LRN, OneHot, DequantizeLinear and Dropout.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::ExpectFloats;
using test::Floats;
using test::Int64s;
using test::Refusal;
using test::RunAll;
using test::RunOp;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Tensor kCube = Floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, -8});

TEST(Reduce, AxesAndKeepdims) {
  const Attributes drop = {{"keepdims", int64_t{0}}};
  ExpectFloats(RunOp("ReduceSum", {kCube}), {1, 1, 1}, {20});
  ExpectFloats(RunOp("ReduceSum", {kCube}, drop), {}, {20});
  ExpectFloats(RunOp("ReduceSum", {kCube, Int64s({1}, {1})}), {2, 1, 2}, {4, 6, 12, -2});
  ExpectFloats(RunOp("ReduceSum", {kCube, Int64s({2}, {0, -1})}, drop), {2}, {14, 6});
  ExpectFloats(RunOp("ReduceMean", {kCube, Int64s({1}, {-1})}, drop), {2, 2},
               {1.5f, 3.5f, 5.5f, -0.5f});
  ExpectFloats(RunOp("ReduceMax", {kCube, Int64s({1}, {0})}, drop), {2, 2}, {5, 6, 7, 4});
  const Attributes noop = {{"noop_with_empty_axes", int64_t{1}}};
  ExpectFloats(RunOp("ReduceSum", {kCube, Int64s({0}, {})}, noop), {2, 2, 2},
               {1, 2, 3, 4, 5, 6, 7, -8});
  ExpectFloats(RunOp("ReduceSum", {kCube, Int64s({0}, {})}), {1, 1, 1}, {20});
  EXPECT_THAT(Refusal("ReduceSum", {kCube, Int64s({1}, {3})}), HasSubstr("axis 3"));
  EXPECT_THAT(Refusal("ReduceSum", {kCube, Int64s({1}, {-4})}), HasSubstr("axis -4"));
}

TEST(Reduce, IntegersAndNoElements) {
  const Tensor ints = Int64s({3}, {-4, 1, 1});
  EXPECT_EQ(RunOp("ReduceSum", {ints}).values<int64_t>()[0], -2);
  EXPECT_EQ(RunOp("ReduceMax", {ints}).values<int64_t>()[0], 1);
  EXPECT_EQ(RunOp("ReduceMean", {Int64s({2}, {-4, 1})}).values<int64_t>()[0], -1);
  const Tensor none = Floats({2, 0}, {});
  const Tensor axis = Int64s({1}, {1});
  ExpectFloats(RunOp("ReduceSum", {none, axis}), {2, 1}, {0, 0});
  EXPECT_TRUE(std::isnan(RunOp("ReduceMean", {none, axis}).values<float>()[0]));
  EXPECT_THAT(RunOp("ReduceMax", {none, axis}).values<float>(),
              Each(-std::numeric_limits<float>::infinity()));
  EXPECT_THAT(Refusal("ReduceMean", {Int64s({0}, {})}), HasSubstr("no integers"));
}

TEST(ArgMax, FirstOrLastOfEquals) {
  const Tensor x = Floats({2, 3}, {1, 5, 5, -1, -2, -3});
  const Attributes last = {{"axis", int64_t{-1}}, {"select_last_index", int64_t{1}}};
  EXPECT_THAT(RunOp("ArgMax", {x}, {{"axis", int64_t{1}}}).values<int64_t>(), ElementsAre(1, 0));
  EXPECT_THAT(RunOp("ArgMax", {x}, last).values<int64_t>(), ElementsAre(2, 0));
  const Tensor down = RunOp("ArgMax", {x}, {{"keepdims", int64_t{0}}});
  EXPECT_EQ(down.shape(), Shape{3});
  EXPECT_THAT(down.values<int64_t>(), ElementsAre(0, 0, 0));
  EXPECT_THAT(Refusal("ArgMax", {x}, {{"axis", int64_t{2}}}), HasSubstr("axis 2"));
  EXPECT_THAT(Refusal("ArgMax", {Floats({0}, {})}), HasSubstr("no elements"));
}

TEST(Softmax, OneAxisOrAllFromOneOn) {
  const float l2 = std::log(2.0f), l3 = std::log(3.0f);
  const Tensor x = Floats({1, 2, 2}, {0, l2, l3, 0});
  ExpectFloats(RunOp("Softmax", {x}), {1, 2, 2}, {1.0f / 3, 2.0f / 3, 0.75f, 0.25f});
  ExpectFloats(RunOp("Softmax", {x}, {{"axis", int64_t{1}}}), {1, 2, 2},
               {0.25f, 2.0f / 3, 0.75f, 1.0f / 3});
  ExpectFloats(RunOp("Softmax", {x}, {{"flatten_axis", int64_t{1}}}), {1, 2, 2},
               {1.0f / 7, 2.0f / 7, 3.0f / 7, 1.0f / 7});
  ExpectFloats(RunOp("LogSoftmax", {x}), {1, 2, 2},
               {-l3, l2 - l3, std::log(0.75f), std::log(0.25f)});
  ExpectFloats(RunOp("Softmax", {Floats({2}, {1e30f, 1e30f})}), {2}, {0.5f, 0.5f});
  ExpectFloats(RunOp("Softmax", {Floats({0, 2}, {})}), {0, 2}, {});
  EXPECT_THAT(Refusal("Softmax", {x}, {{"axis", int64_t{3}}}), HasSubstr("axis 3"));
  EXPECT_THAT(Refusal("Softmax", {Floats({}, {1})}), HasSubstr("rank 0"));
}

TEST(LRN, SumsOverNeighbouringChannels) {
  const Tensor x = Floats({1, 3, 1}, {1, 2, 3});
  const Attributes attributes = {
      {"size", int64_t{2}}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 1.0f}};
  // An even size reaches one channel further up than down.
  ExpectFloats(RunOp("LRN", {x}, attributes), {1, 3, 1}, {1.0f / 6, 2.0f / 14, 3.0f / 10});
  EXPECT_THAT(Refusal("LRN", {x}), HasSubstr("size"));
}

TEST(OneHot, AxisAndWrappedIndices) {
  const Tensor values = Floats({2}, {0, 5});
  ExpectFloats(RunOp("OneHot", {Int64s({3}, {1, -1, 7}), Int64s({1}, {3}), values}), {3, 3},
               {0, 5, 0, 0, 0, 5, 0, 0, 0});
  ExpectFloats(
      RunOp("OneHot", {Int64s({2}, {1, 0}), Int64s({}, {3}), values}, {{"axis", int64_t{0}}}),
      {3, 2}, {0, 5, 5, 0, 0, 0});
  ExpectFloats(RunOp("OneHot", {Floats({1}, {1}), Floats({}, {2}), values}), {1, 2}, {0, 5});
  const Tensor two = Int64s({}, {2});
  EXPECT_THAT(Refusal("OneHot", {two, Int64s({}, {0}), values}), HasSubstr("depth"));
  EXPECT_THAT(Refusal("OneHot", {two, Int64s({}, {int64_t{1} << 40}), values}), HasSubstr("depth"));
  EXPECT_THAT(Refusal("OneHot", {two, two, Floats({1}, {0})}), HasSubstr("values"));
  EXPECT_THAT(Refusal("OneHot", {two, two, values}, {{"axis", int64_t{2}}}), HasSubstr("axis"));
}

TEST(DequantizeLinear, PerTensorAndPerAxis) {
  const Tensor x = Tensor::Of<uint8_t>({2, 2}, std::vector<uint8_t>{0, 128, 255, 1});
  const Tensor zero = Tensor::Of<uint8_t>({}, std::vector<uint8_t>{128});
  ExpectFloats(RunOp("DequantizeLinear", {x, Floats({}, {0.5f}), zero}), {2, 2},
               {-64, 0, 63.5f, -63.5f});
  ExpectFloats(RunOp("DequantizeLinear", {x, Floats({2}, {1, 2})}), {2, 2}, {0, 256, 255, 2});
  ExpectFloats(RunOp("DequantizeLinear", {x, Floats({2}, {1, 2})}, {{"axis", int64_t{0}}}), {2, 2},
               {0, 128, 510, 2});
  const Tensor sums = Tensor::Of<int32_t>({1}, std::vector<int32_t>{-100000});
  ExpectFloats(RunOp("DequantizeLinear", {sums, Floats({}, {0.25f})}), {1}, {-25000});
  EXPECT_THAT(Refusal("DequantizeLinear", {x, Floats({3}, {1, 2, 3})}), HasSubstr("scales"));
  EXPECT_THAT(Refusal("DequantizeLinear", {x, Floats({2}, {1, 2})}, {{"axis", int64_t{5}}}),
              HasSubstr("axis 5"));
  EXPECT_THAT(Refusal("DequantizeLinear", {x, Floats({2}, {1, 2}), zero}),
              HasSubstr("zero points"));
  EXPECT_THAT(Refusal("DequantizeLinear", {Floats({1}, {1}), Floats({}, {1})}),
              HasSubstr("float32"));
}

TEST(Dropout, TheMaskIsAllTrueAndTrainingIsRefused) {
  const auto outputs = RunAll("Dropout", {Floats({2}, {1, 2})}, {}, 2);
  ASSERT_TRUE(outputs.ok());
  EXPECT_THAT((*outputs)[1].values<bool>(), ElementsAre(true, true));
  const Tensor x = Floats({1}, {1}), ratio = Floats({}, {0.5f});
  EXPECT_THAT(Refusal("Dropout", {x, ratio, Tensor::Scalar<bool>(true)}), HasSubstr("training"));
  EXPECT_EQ(Refusal("Dropout", {x, ratio, Tensor::Scalar<bool>(false)}), "");
}

}  // namespace
}  // namespace deftnn
