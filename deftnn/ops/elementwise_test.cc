// Activations, unary and binary operators: each against hand-computed values.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "deftnn/ops/broadcast.h"
#include "deftnn/ops/test_nodes.h"

namespace deftnn {
namespace {

using test::ExpectFloats;
using test::Floats;
using test::Int64s;
using test::Refusal;
using test::RunOp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct UnaryCase {
  const char* op;
  Attributes attributes;
  std::vector<float> x, y;
};

TEST(Elementwise, UnaryTable) {
  const std::vector<UnaryCase> cases = {
      {"Relu", {}, {-1, 0, 2}, {0, 0, 2}},
      {"LeakyRelu", {}, {-1, 0, 2}, {-0.01f, 0, 2}},
      {"LeakyRelu", {{"alpha", 0.5f}}, {-1, 3}, {-0.5f, 3}},
      {"Sigmoid", {}, {0, 100, -100}, {0.5f, 1, 0}},
      {"HardSigmoid", {}, {-5, 0, 1, 5}, {0, 0.5f, 0.7f, 1}},
      {"HardSigmoid", {{"alpha", 1.0f}, {"beta", 0.0f}}, {0.25f, 2}, {0.25f, 1}},
      {"HardSwish", {}, {-4, -1, 1, 4}, {0, -1.0f / 3, 2.0f / 3, 4}},
      {"Tanh", {}, {0, 1}, {0, 0.76159416f}},
      {"Gelu", {}, {0, 1, -2}, {0, 0.84134475f, -0.04550026f}},
      {"Gelu", {{"approximate", std::string("tanh")}}, {0, 1, -2}, {0, 0.84119199f, -0.04540231f}},
      {"Erf", {}, {0, 1, -1}, {0, 0.84270079f, -0.84270079f}},
      {"Exp", {}, {0, 1}, {1, 2.7182818f}},
      {"Sqrt", {}, {0, 9}, {0, 3}},
      {"Abs", {}, {-2, 3}, {2, 3}},
      {"Neg", {}, {-2, 3}, {2, -3}},
      {"Identity", {}, {-2, 3}, {-2, 3}},
      {"Dropout", {{"ratio", 0.9f}}, {-2, 3}, {-2, 3}},
      {"Clip", {}, {-2, 3}, {-2, 3}},
  };
  for (const UnaryCase& row : cases) {
    SCOPED_TRACE(row.op);
    const Shape shape = {1, static_cast<int64_t>(row.x.size())};
    ExpectFloats(RunOp(row.op, {Floats(shape, row.x)}, row.attributes), shape, row.y);
    const Tensor nan = RunOp(row.op, {Floats({1}, {kNan})}, row.attributes);
    EXPECT_TRUE(std::isnan(nan.values<float>()[0])) << "NaN is kept";
    EXPECT_EQ(RunOp(row.op, {Floats({0, 3}, {})}, row.attributes).shape(), (Shape{0, 3}));
  }
}

TEST(Elementwise, FloatFunctionsRefuseIntegers) {
  for (const char* op : {"Sigmoid", "Tanh", "Erf", "Exp", "Sqrt", "HardSwish", "LeakyRelu"}) {
    EXPECT_THAT(Refusal(op, {Int64s({1}, {1})}), HasSubstr("int64"));
  }
  const Tensor flags = Tensor::Zeros(ElementType::kBool, {2});
  for (const char* op : {"Relu", "Neg", "Abs", "Clip"}) {
    EXPECT_THAT(Refusal(op, {flags}), HasSubstr("bool"));
  }
  EXPECT_THAT(Refusal("Identity", {Tensor::Strings({1}, {"a"})}), HasSubstr("strings"));
}

TEST(Clip, LimitsAreOptionalAndTheUpperOneWins) {
  const Tensor x = Floats({3}, {-2, 0, 2});
  const Tensor low = Floats({}, {-1}), high = Floats({1}, {1});
  ExpectFloats(RunOp("Clip", {x, low, high}), {3}, {-1, 0, 1});
  ExpectFloats(RunOp("Clip", {x, Tensor(), high}), {3}, {-2, 0, 1});
  ExpectFloats(RunOp("Clip", {x, low}), {3}, {-1, 0, 2});
  ExpectFloats(RunOp("Clip", {x, high, low}), {3}, {-1, -1, -1});
  EXPECT_THAT(Refusal("Clip", {x, Floats({2}, {0, 1})}), HasSubstr("one number"));
  EXPECT_THAT(Refusal("Clip", {x, Int64s({}, {0})}), HasSubstr("types"));
  const Tensor ints = RunOp("Clip", {Int64s({2}, {-9, 9}), Int64s({}, {0})});
  EXPECT_THAT(ints.values<int64_t>(), ElementsAre(0, 9));
}

TEST(PRelu, BroadcastsTheSlopeOnly) {
  const Tensor x = Floats({2, 2}, {-1, -2, 3, -4});
  ExpectFloats(RunOp("PRelu", {x, Floats({2}, {10, 100})}), {2, 2}, {-10, -200, 3, -400});
  ExpectFloats(RunOp("PRelu", {x, Floats({2, 1}, {10, 100})}), {2, 2}, {-10, -20, 3, -400});
  EXPECT_THAT(Refusal("PRelu", {x, Floats({3, 1, 1}, {1, 2, 3})}), HasSubstr("slope"));
}

TEST(Elementwise, BinaryTable) {
  const Tensor a = Floats({2, 1}, {8, 2}), b = Floats({3}, {1, 2, -4});
  ExpectFloats(RunOp("Add", {a, b}), {2, 3}, {9, 10, 4, 3, 4, -2});
  ExpectFloats(RunOp("Sub", {a, b}), {2, 3}, {7, 6, 12, 1, 0, 6});
  ExpectFloats(RunOp("Mul", {a, b}), {2, 3}, {8, 16, -32, 2, 4, -8});
  ExpectFloats(RunOp("Div", {a, b}), {2, 3}, {8, 4, -2, 2, 1, -0.5f});
  ExpectFloats(RunOp("Pow", {a, Floats({}, {2})}), {2, 1}, {64, 4});
  ExpectFloats(RunOp("Max", {a, b, Floats({}, {3})}), {2, 3}, {8, 8, 8, 3, 3, 3});
  ExpectFloats(RunOp("Min", {a, b, Floats({}, {3})}), {2, 3}, {1, 2, -4, 1, 2, -4});
  ExpectFloats(RunOp("Sum", {a, b, a}), {2, 3}, {17, 18, 12, 5, 6, 0});
  ExpectFloats(RunOp("Sum", {b}), {3}, {1, 2, -4});
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Pow", "Max"}) {
    EXPECT_THAT(Refusal(op, {b, Floats({2}, {1, 2})}), HasSubstr("broadcast"));
    EXPECT_EQ(RunOp(op, {Floats({0, 1}, {}), b}).shape(), (Shape{0, 3}));
  }
  EXPECT_THAT(Refusal("Add", {b, Int64s({1}, {2})}), HasSubstr("types"));
}

TEST(Elementwise, IntegersTruncateAndWrap) {
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  const Tensor a = Int64s({4}, {7, -7, lowest, 5}), b = Int64s({4}, {2, 2, -1, 1});
  EXPECT_THAT(RunOp("Div", {a, b}).values<int64_t>(), ElementsAre(3, -3, lowest, 5));
  EXPECT_THAT(RunOp("Add", {a, b}).values<int64_t>(),
              ElementsAre(9, -5, std::numeric_limits<int64_t>::max(), 6));
  EXPECT_THAT(RunOp("Mul", {a, b}).values<int64_t>(), ElementsAre(14, -14, lowest, 5));
  EXPECT_THAT(RunOp("Neg", {a}).values<int64_t>(), ElementsAre(-7, 7, lowest, -5));
  EXPECT_THAT(Refusal("Div", {a, Int64s({}, {0})}), HasSubstr("zero"));
  const Tensor words = Tensor::Of<uint16_t>({1}, std::vector<uint16_t>{65535});
  EXPECT_EQ(RunOp("Mul", {words, words}).values<uint16_t>()[0], 1);
}

TEST(Pow, TypesMayDiffer) {
  EXPECT_THAT(RunOp("Pow", {Int64s({3}, {3, -2, 2}), Int64s({3}, {4, 3, 0})}).values<int64_t>(),
              ElementsAre(81, -8, 1));
  EXPECT_THAT(RunOp("Pow", {Int64s({2}, {9, 2}), Floats({2}, {0.5f, -1})}).values<int64_t>(),
              ElementsAre(3, 0));
  ExpectFloats(RunOp("Pow", {Floats({2}, {2, 4}), Int64s({}, {-1})}), {2}, {0.5f, 0.25f});
  const Tensor saturated = RunOp("Pow", {Int64s({1}, {0}), Int64s({1}, {-1})});
  EXPECT_EQ(saturated.values<int64_t>()[0], std::numeric_limits<int64_t>::max());
}

Shape RandomShape(Rng& rng) {
  Shape shape;
  for (int64_t axes = rng.Below(5); axes > 0; --axes) shape.push_back(rng.Between(1, 4));
  return shape;
}

// A shape that is broadcast to `to`.
Shape RandomOperand(const Shape& to, Rng& rng) {
  Shape from(to.begin() + rng.Below(static_cast<int64_t>(to.size()) + 1), to.end());
  for (int64_t& extent : from) {
    if (rng.Below(2) == 0) extent = 1;
  }
  return from;
}

TEST(Broadcast, CursorAgainstTheDefinition) {
  const uint64_t seed = 3;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 200; ++round) {
    const Shape to = RandomShape(rng), from = RandomOperand(to, rng);
    ASSERT_TRUE(BroadcastsTo(from, to));
    BroadcastCursor cursor(from, to);
    for (int64_t i = 0; i < ElementCount(to); ++i, cursor.Next()) {
      int64_t left = i, expected = 0, stride = 1;
      for (size_t back = 1; back <= to.size(); ++back) {
        const int64_t at = left % to[to.size() - back];
        left /= to[to.size() - back];
        if (back > from.size()) continue;
        const int64_t extent = from[from.size() - back];
        expected += (extent == 1 ? 0 : at) * stride;
        stride *= extent;
      }
      ASSERT_EQ(cursor.at(), expected) << ToString(from) << " to " << ToString(to);
    }
  }
}

TEST(Broadcast, RunsCoverEveryElementOnce) {
  const uint64_t seed = 4;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 300; ++round) {
    const Shape to = RandomShape(rng);
    const Shape a = RandomOperand(to, rng), b = RandomOperand(to, rng);
    SCOPED_TRACE(fmt::format("{} and {} to {}", ToString(a), ToString(b), ToString(to)));
    BroadcastCursor at_a(a, to), at_b(b, to);
    BroadcastRuns runs(a, b, to);
    int64_t out = 0;
    for (BroadcastRun run; runs.Next(run);) {
      for (int64_t i = 0; i < run.count; ++i, ++out, at_a.Next(), at_b.Next()) {
        ASSERT_EQ(run.out + i, out);
        ASSERT_EQ(run.a + i * run.a_step, at_a.at());
        ASSERT_EQ(run.b + i * run.b_step, at_b.at());
      }
    }
    EXPECT_EQ(out, ElementCount(to));
  }
  BroadcastRuns same({64, 8, 9}, {64, 8, 9}, {64, 8, 9}), rows({1, 8, 9}, {64, 1, 1}, {64, 8, 9});
  BroadcastRun run;
  ASSERT_TRUE(same.Next(run));
  EXPECT_EQ(run.count, 64 * 8 * 9);
  ASSERT_TRUE(rows.Next(run));
  EXPECT_EQ(run.count, 8 * 9);
  BroadcastRuns none({0, 3}, {1, 3}, {0, 3});
  EXPECT_FALSE(none.Next(run));
}

TEST(Broadcast, EmptyAxesStayEmpty) {
  EXPECT_EQ(*BroadcastShapes({0, 1}, {1, 3}), (Shape{0, 3}));
  EXPECT_FALSE(BroadcastShapes({0}, {2}).ok());
  EXPECT_FALSE(BroadcastsTo({2, 1}, {1}));
}

}  // namespace
}  // namespace deftnn
