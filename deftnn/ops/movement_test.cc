#include <gmock/gmock.h>

#include <climits>

#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::ExpectFloats;
using test::Floats;
using test::Int64s;
using test::Ints;
using test::Refusal;
using test::RunAll;
using test::RunOp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Vector(const std::vector<int64_t>& values) {
  return Int64s({static_cast<int64_t>(values.size())}, values);
}

Tensor Iota(Shape shape) {
  Tensor tensor = Tensor::Zeros(ElementType::kFloat32, std::move(shape));
  float next = 0;
  for (float& value : tensor.mutable_values<float>()) value = next++;
  return tensor;
}

Shape RandomShape(Rng& rng, int rank) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(1 + static_cast<int64_t>(rng.Below(4)));
  return shape;
}

/// Calls `visit` with every index of a tensor of this shape, in row-major order.
template <typename Visit>
void ForEachIndex(const Shape& shape, Visit visit) {
  Shape index(shape.size(), 0);
  for (int64_t i = 0; i < ElementCount(shape); ++i) {
    visit(index, i);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

float At(const Tensor& tensor, const Shape& index) {
  int64_t flat = 0;
  for (size_t axis = 0; axis < index.size(); ++axis)
    flat = flat * tensor.shape()[axis] + index[axis];
  return tensor.values<float>()[flat];
}

TEST(Concat, PutsPartsOneBehindTheOther) {
  const Tensor a = Floats({2, 1}, {1, 2}), b = Floats({2, 2}, {3, 4, 5, 6});
  ExpectFloats(RunOp("Concat", {a, b}, {{"axis", int64_t{1}}}), {2, 3}, {1, 3, 4, 2, 5, 6});
  ExpectFloats(RunOp("Concat", {b, b}, {{"axis", int64_t{-2}}}), {4, 2}, {3, 4, 5, 6, 3, 4, 5, 6});
  ExpectFloats(RunOp("Concat", {Floats({2, 0}, {}), a}, {{"axis", int64_t{1}}}), {2, 1}, {1, 2});
  EXPECT_THAT(Refusal("Concat", {a, b}), HasSubstr("axis"));
  EXPECT_THAT(Refusal("Concat", {a, b}, {{"axis", int64_t{0}}}), HasSubstr("concatenated"));
  EXPECT_THAT(Refusal("Concat", {a, b}, {{"axis", int64_t{2}}}), HasSubstr("out of range"));
  EXPECT_THAT(Refusal("Concat", {a, Vector({1})}, {{"axis", int64_t{0}}}), HasSubstr("types"));
  EXPECT_THAT(Refusal("Concat", {a, Tensor()}, {{"axis", int64_t{0}}}), HasSubstr("input 1"));
}

TEST(Split, CutsAndConcatPutsBack) {
  Rng rng(1);
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    const int64_t axis = static_cast<int64_t>(rng.Below(3));
    Shape shape = RandomShape(rng, 3);
    shape[axis] = 5;
    const Tensor x = test::Normal(rng, shape);
    const auto parts = RunAll("Split", {x, Vector({2, 0, 3})}, {{"axis", axis}}, 3);
    ASSERT_TRUE(parts.ok()) << parts.status().ToString();
    EXPECT_EQ((*parts)[2].dim(static_cast<int>(axis)), 3);
    EXPECT_TRUE(Identical(RunOp("Concat", *parts, {{"axis", axis}}), x));
  }
}

TEST(Split, LastOfEqualPartsIsSmaller) {
  const auto parts = RunAll("Split", {Iota({5})}, {{"num_outputs", int64_t{3}}}, 3);
  ASSERT_TRUE(parts.ok()) << parts.status().ToString();
  ExpectFloats((*parts)[1], {2}, {2, 3});
  ExpectFloats((*parts)[2], {1}, {4});
  EXPECT_THAT(Refusal("Split", {Iota({4})}, {{"num_outputs", int64_t{2}}}, 3), HasSubstr("3"));
  EXPECT_THAT(Refusal("Split", {Iota({1})}, {{"num_outputs", int64_t{3}}}, 3), HasSubstr("parts"));
  EXPECT_THAT(Refusal("Split", {Iota({4}), Vector({2, 3})}, {}, 2), HasSubstr("does not cut"));
  EXPECT_THAT(Refusal("Split", {Iota({4}), Vector({5, -1})}, {}, 2), HasSubstr("does not cut"));
}

TEST(Slice, FollowsNumpy) {
  const Tensor x = Iota({2, 4});
  const auto slice = [&](const Ints& starts, const Ints& ends, const Ints& axes,
                         const Ints& steps) {
    return RunOp("Slice", {x, Vector(starts), Vector(ends), Vector(axes), Vector(steps)});
  };
  ExpectFloats(slice({1}, {3}, {1}, {1}), {2, 2}, {1, 2, 5, 6});
  ExpectFloats(slice({-1}, {INT64_MIN}, {1}, {-1}), {2, 4}, {3, 2, 1, 0, 7, 6, 5, 4});
  ExpectFloats(slice({3}, {0}, {-1}, {-2}), {2, 2}, {3, 1, 7, 5});
  ExpectFloats(slice({0, 0}, {INT64_MAX, INT64_MAX}, {0, 1}, {1, INT64_MAX}), {2, 1}, {0, 4});
  ExpectFloats(slice({INT64_MAX}, {INT64_MIN}, {1}, {INT64_MIN}), {2, 1}, {3, 7});
  ExpectFloats(slice({2}, {1}, {1}, {1}), {2, 0}, {});
  ExpectFloats(RunOp("Slice", {x, Vector({1, -2}), Vector({2, 100})}), {1, 2}, {6, 7});
  EXPECT_THAT(Refusal("Slice", {x, Vector({0}), Vector({1}), Vector({0}), Vector({0})}),
              HasSubstr("step"));
  EXPECT_THAT(Refusal("Slice", {x, Vector({0}), Vector({1, 2})}), HasSubstr("lengths"));
  EXPECT_THAT(Refusal("Slice", {x, Vector({0, 0}), Vector({1, 1}), Vector({1, -1})}),
              HasSubstr("twice"));
  EXPECT_THAT(Refusal("Slice", {x, Vector({0}), Vector({1}), Vector({2})}), HasSubstr("range"));
}

TEST(Pad, EveryMode) {
  const Tensor x = Iota({1, 3});
  const auto pad = [&](const std::string& mode, const Ints& pads) {
    return RunOp("Pad", {x, Vector(pads)}, {{"mode", mode}});
  };
  ExpectFloats(pad("constant", {1, 0, 0, 1}), {2, 4}, {0, 0, 0, 0, 0, 1, 2, 0});
  ExpectFloats(pad("reflect", {0, 2, 0, 2}), {1, 7}, {2, 1, 0, 1, 2, 1, 0});
  ExpectFloats(pad("reflect", {0, 0, 0, 5}), {1, 8}, {0, 1, 2, 1, 0, 1, 2, 1});
  ExpectFloats(pad("edge", {1, 2, 0, 1}), {2, 6}, {0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2});
  ExpectFloats(pad("wrap", {0, 1, 0, 2}), {1, 6}, {2, 0, 1, 2, 0, 1});
  ExpectFloats(pad("constant", {0, -1, 0, 1}), {1, 3}, {1, 2, 0});
  ExpectFloats(RunOp("Pad", {x, Vector({1, 0}), Floats({}, {7}), Vector({-1})}), {1, 4},
               {7, 0, 1, 2});
  EXPECT_THAT(Refusal("Pad", {x, Vector({0, 1})}), HasSubstr("pads"));
  EXPECT_THAT(Refusal("Pad", {x, Vector({0, -4, 0, 0})}), HasSubstr("fit"));
  EXPECT_THAT(Refusal("Pad", {x, Vector({0, INT64_MIN, 0, INT64_MAX})}), HasSubstr("range"));
  EXPECT_THAT(Refusal("Pad", {x, Vector({0, 0, 0, 0})}, {{"mode", std::string("odd")}}),
              HasSubstr("odd"));
  EXPECT_THAT(Refusal("Pad", {x, Vector({0, 0, 0, 0}), Vector({1})}), HasSubstr("int64"));
  EXPECT_THAT(Refusal("Pad", {Floats({0}, {}), Vector({1, 0})}, {{"mode", std::string("edge")}}),
              HasSubstr("nothing"));
}

TEST(Reshape, ResolvesZeroAndOpenExtents) {
  const Tensor x = Iota({2, 3, 4});
  const auto shape = [&](const Tensor& in, const Ints& target, int64_t allow = 0) {
    return RunOp("Reshape", {in, Vector(target)}, {{"allowzero", allow}}).shape();
  };
  EXPECT_EQ(shape(x, {0, -1}), (Shape{2, 12}));
  EXPECT_EQ(shape(x, {-1}), (Shape{24}));
  EXPECT_EQ(shape(x, {4, 0, 2}), (Shape{4, 3, 2}));
  EXPECT_EQ(shape(Floats({0, 3}, {}), {3, 0}, 1), (Shape{3, 0}));
  EXPECT_EQ(shape(Floats({1}, {5}), {}), Shape{});
  for (const Ints& target : {Ints{-1, -1}, Ints{5, -1}, Ints{0, 0, 0, 0}, Ints{-2, 12}, Ints{25},
                             Ints{INT64_MAX, 4}, Ints{int64_t{1} << 62, 8, -1}}) {
    EXPECT_THAT(Refusal("Reshape", {x, Vector(target)}), HasSubstr("can't be reshaped"));
  }
  EXPECT_THAT(Refusal("Reshape", {Floats({0}, {}), Vector({-1, 0})}, {{"allowzero", int64_t{1}}}),
              HasSubstr("can't be reshaped"));
  EXPECT_TRUE(Identical(RunOp("Reshape", {x, Vector({24})}).Reshaped({2, 3, 4}), x));
}

TEST(Flatten, MakesAMatrix) {
  const Tensor x = Iota({2, 3, 4});
  const auto shape = [&](int64_t axis) { return RunOp("Flatten", {x}, {{"axis", axis}}).shape(); };
  EXPECT_EQ(RunOp("Flatten", {x}).shape(), (Shape{2, 12}));
  EXPECT_EQ(shape(0), (Shape{1, 24}));
  EXPECT_EQ(shape(3), (Shape{24, 1}));
  EXPECT_EQ(shape(-1), (Shape{6, 4}));
  EXPECT_THAT(Refusal("Flatten", {x}, {{"axis", int64_t{4}}}), HasSubstr("range"));
}

TEST(Transpose, AgreesWithIndexing) {
  Rng rng(3);
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    const int rank = 1 + static_cast<int>(rng.Below(4));
    const Tensor x = test::Normal(rng, RandomShape(rng, rank));
    Ints perm(rank);
    for (int i = 0; i < rank; ++i) perm[i] = i;
    for (int i = rank - 1; i > 0; --i) std::swap(perm[i], perm[rng.Below(i + 1)]);
    const Tensor y = RunOp("Transpose", {x}, {{"perm", perm}});
    ForEachIndex(y.shape(), [&](const Shape& index, int64_t i) {
      Shape from(rank);
      for (int axis = 0; axis < rank; ++axis) from[perm[axis]] = index[axis];
      EXPECT_EQ(y.values<float>()[i], At(x, from));
    });
  }
  ExpectFloats(RunOp("Transpose", {Iota({2, 3})}), {3, 2}, {0, 3, 1, 4, 2, 5});
  ExpectFloats(RunOp("Transpose", {Floats({}, {4})}), {}, {4});
  EXPECT_THAT(Refusal("Transpose", {Iota({2, 3})}, {{"perm", Ints{0, 0}}}), HasSubstr("perm"));
  EXPECT_THAT(Refusal("Transpose", {Iota({2, 3})}, {{"perm", Ints{0, 7}}}), HasSubstr("perm"));
}

TEST(Transpose, MovesEveryElementSize) {
  const auto check = [](auto sample) {
    using T = decltype(sample);
    const Tensor x = Tensor::Of<T>({2, 2}, std::vector<T>{1, 2, 3, 4});
    EXPECT_THAT(RunOp("Transpose", {x}).template values<T>(), ElementsAre(1, 3, 2, 4));
  };
  check(int8_t{});
  check(uint16_t{});
  check(int32_t{});
  check(double{});
  const Tensor packed = Tensor::Zeros(ElementType::kInt4, {2, 2});
  EXPECT_THAT(Refusal("Transpose", {packed}), HasSubstr("int4"));
  const Tensor complex = Tensor::Zeros(ElementType::kComplex128, {2, 3});
  EXPECT_EQ(RunOp("Transpose", {complex}).shape(), (Shape{3, 2}));
}

TEST(Squeeze, TakesOutAxesOfOne) {
  EXPECT_EQ(RunOp("Squeeze", {Iota({1, 2, 1})}).shape(), Shape{2});
  EXPECT_EQ(RunOp("Squeeze", {Iota({1, 2, 1}), Vector({-1})}).shape(), (Shape{1, 2}));
  EXPECT_THAT(Refusal("Squeeze", {Iota({1, 2}), Vector({1})}), HasSubstr("extent 1"));
  EXPECT_THAT(Refusal("Squeeze", {Iota({1, 2}), Vector({0, -2})}), HasSubstr("twice"));
  EXPECT_THAT(Refusal("Squeeze", {Iota({1, 2}), Vector({2})}), HasSubstr("range"));
}

TEST(Unsqueeze, PutsInAxesOfOne) {
  EXPECT_EQ(RunOp("Unsqueeze", {Iota({2, 3}), Vector({0, -1})}).shape(), (Shape{1, 2, 3, 1}));
  EXPECT_EQ(RunOp("Unsqueeze", {Floats({}, {1}), Vector({0})}).shape(), Shape{1});
  EXPECT_THAT(Refusal("Unsqueeze", {Iota({2}), Vector({2})}), HasSubstr("range"));
  EXPECT_THAT(Refusal("Unsqueeze", {Iota({2}), Vector({1, -2})}), HasSubstr("twice"));
  EXPECT_THAT(Refusal("Unsqueeze", {Iota({2}), Vector(Ints(1000, 0))}), HasSubstr("1000"));
}

TEST(Gather, AgreesWithIndexing) {
  Rng rng(4);
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    const Tensor x = test::Normal(rng, RandomShape(rng, 3));
    const int64_t axis = static_cast<int64_t>(rng.Below(3));
    const int64_t extent = x.shape()[axis];
    Ints indices(6);
    for (int64_t& index : indices) index = static_cast<int64_t>(rng.Below(2 * extent)) - extent;
    const Tensor y = RunOp("Gather", {x, Int64s({2, 3}, indices)}, {{"axis", axis - 3}});
    ASSERT_EQ(y.rank(), 4);
    ForEachIndex(y.shape(), [&](const Shape& index, int64_t i) {
      Shape from = index;
      const int64_t picked = indices[from[axis] * 3 + from[axis + 1]];
      from.erase(from.begin() + axis);
      from[axis] = picked < 0 ? picked + extent : picked;
      EXPECT_EQ(y.values<float>()[i], At(x, from));
    });
  }
  EXPECT_EQ(RunOp("Gather", {Iota({2, 3}), Int64s({}, {1})}).shape(), Shape{3});
  EXPECT_THAT(Refusal("Gather", {Iota({2}), Vector({2})}), HasSubstr("index 2"));
  EXPECT_THAT(Refusal("Gather", {Iota({2}), Vector({INT64_MIN})}), HasSubstr("out of range"));
  EXPECT_THAT(Refusal("Gather", {Iota({2}), Iota({1})}), HasSubstr("indices"));
  EXPECT_THAT(Refusal("Gather", {Floats({}, {1}), Vector({0})}), HasSubstr("range"));
}

TEST(Cast, TruncatesSaturatesAndWraps) {
  const auto to = [](ElementType type) { return Attributes{{"to", static_cast<int64_t>(type)}}; };
  const Tensor x = Floats({6}, {-1.7f, 1.7f, 300, -300, NAN, INFINITY});
  EXPECT_THAT(RunOp("Cast", {x}, to(ElementType::kInt8)).values<int8_t>(),
              ElementsAre(-1, 1, 127, -128, 0, 127));
  EXPECT_THAT(RunOp("Cast", {x}, to(ElementType::kUint64)).values<uint64_t>(),
              ElementsAre(0, 1, 300, 0, 0, UINT64_MAX));
  EXPECT_THAT(RunOp("Cast", {Floats({3}, {0, -0.5f, NAN})}, to(ElementType::kBool)).values<bool>(),
              ElementsAre(false, true, true));
  EXPECT_THAT(RunOp("Cast", {Vector({258, -1})}, to(ElementType::kUint8)).values<uint8_t>(),
              ElementsAre(2, 255));
  const Tensor flags = Tensor::Of<bool>({2}, std::vector<bool>{true, false});
  EXPECT_THAT(RunOp("Cast", {flags}, to(ElementType::kFloat32)).values<float>(), ElementsAre(1, 0));
  EXPECT_THAT(Refusal("Cast", {x}), HasSubstr("type 0"));
  EXPECT_THAT(Refusal("Cast", {x}, to(ElementType::kString)), HasSubstr("string"));
  EXPECT_THAT(Refusal("Cast", {x}, {{"to", INT64_MAX}}), HasSubstr("not supported"));
}

TEST(Shape, TellsTheExtents) {
  const auto shape = [](Attributes attributes) {
    const Tensor y = RunOp("Shape", {Iota({2, 3, 4})}, std::move(attributes));
    return Ints(y.values<int64_t>().begin(), y.values<int64_t>().end());
  };
  EXPECT_EQ(shape({}), (Ints{2, 3, 4}));
  EXPECT_EQ(shape({{"start", int64_t{1}}}), (Ints{3, 4}));
  EXPECT_EQ(shape({{"start", int64_t{-5}}, {"end", int64_t{-1}}}), (Ints{2, 3}));
  EXPECT_EQ(shape({{"start", int64_t{2}}, {"end", int64_t{1}}}), Ints{});
  EXPECT_EQ(shape({{"start", INT64_MIN}, {"end", INT64_MAX}}), (Ints{2, 3, 4}));
}

TEST(Expand, BroadcastsBothWays) {
  ExpectFloats(RunOp("Expand", {Floats({2, 1}, {1, 2}), Vector({3})}), {2, 3}, {1, 1, 1, 2, 2, 2});
  ExpectFloats(RunOp("Expand", {Floats({2}, {1, 2}), Vector({2, 1})}), {2, 2}, {1, 2, 1, 2});
  EXPECT_EQ(RunOp("Expand", {Floats({1}, {1}), Vector({0})}).shape(), Shape{0});
  EXPECT_THAT(Refusal("Expand", {Iota({2}), Vector({3})}), HasSubstr("broadcast"));
  EXPECT_THAT(Refusal("Expand", {Iota({2}), Vector({-1})}), HasSubstr("negative"));
  EXPECT_THAT(Refusal("Expand", {Iota({1}), Vector({INT64_MAX, 4})}), HasSubstr("elements"));
}

TEST(Equal, ComparesBroadcast) {
  EXPECT_THAT(RunOp("Equal", {Floats({2, 1}, {1, NAN}), Floats({2}, {1, NAN})}).values<bool>(),
              ElementsAre(true, false, false, false));
  EXPECT_THAT(RunOp("Equal", {Vector({3, 4}), Vector({4})}).values<bool>(),
              ElementsAre(false, true));
  EXPECT_THAT(Refusal("Equal", {Vector({3}), Floats({1}, {3})}), HasSubstr("types"));
}

TEST(Reciprocal, DividesOne) {
  ExpectFloats(RunOp("Reciprocal", {Floats({2}, {4, -0.5f})}), {2}, {0.25f, -2});
  EXPECT_THAT(Refusal("Reciprocal", {Vector({3})}), HasSubstr("int64"));
}

TEST(Constant, GivesItsValue) {
  EXPECT_THAT(RunOp("Constant", {}, {{"value_floats", std::vector<float>{1, 2}}}).values<float>(),
              ElementsAre(1, 2));
  EXPECT_THAT(Refusal("Constant", {}), HasSubstr("exactly one"));
  EXPECT_THAT(Refusal("Constant", {}, {{"value_string", std::string("a")}}), HasSubstr("strings"));
}

}  // namespace
}  // namespace deftnn
