// Softmax over every run of axes that a kernel takes, beside the plain implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "deftnn/ops/softmax.h"
#include "deftnn/runtime/session.h"
#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  Shape shape;
  const char* attribute;
  int64_t axis;
  bool kernel = true;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {{3, 50, 1}, "axis", -1},         {{1, 4420, 2}, kFlattenAxis, 2},
      {{2, 37, 3}, "axis", 2},          {{2, 1000}, "axis", 1},
      {{2, 1000, 1, 1}, "axis", 1},     {{2, 1000, 1, 1}, kFlattenAxis, 1},
      {{2, 3, 4, 5}, kFlattenAxis, 2},  {{2, 3, 1, 5}, "axis", -1},
      {{7}, kFlattenAxis, 0},           {{2, 3, 4}, "axis", 1, false},
      {{2, 10, 2, 1}, "axis", 1, false}};
  return cases;
}

// NaN where NaN is expected. A logarithm near zero is as exact as the sum near one that it is of.
void ExpectClose(const Tensor& a, const Tensor& expected, bool logarithm) {
  ASSERT_EQ(a.shape(), expected.shape());
  for (int64_t i = 0; i < a.size(); ++i) {
    const float x = a.values<float>()[i], y = expected.values<float>()[i];
    if (std::isnan(y) || std::isinf(y)) {
      EXPECT_TRUE(std::isnan(y) ? std::isnan(x) : x == y) << i << ": " << x << " " << y;
    } else {
      EXPECT_NEAR(x, y, 4e-6 * (std::abs(y) + (logarithm ? 1 : 1e-30))) << i;
    }
  }
}

std::string KernelOf(Session& session, const Shape& input, const std::string& op) {
  const auto plan = session.PlanFor({{ElementType::kFloat32, input, {}}});
  for (const PlannedStep& step : (*plan)->steps) {
    if (step.op == op) return step.step->kernel();
  }
  return "";
}

TEST(SoftmaxStep, TakesRowsOfEveryLength) {
  for (const std::string op : {"Softmax", "LogSoftmax"}) {
    for (const Case& given : Cases()) {
      SCOPED_TRACE(
          fmt::format("{} {} {} {}", op, fmt::join(given.shape, "x"), given.attribute, given.axis));
      Rng rng(3);
      Builder b(rng);
      b.graph.AddOutput(b.AddOp(op, {b.Input(given.shape)}, {{given.attribute, given.axis}}));
      Tensor data = RandomTensor(given.shape, rng, 4);
      const auto run = [&] {
        const auto oracle = EvaluateGraph(b.graph, {data});
        for (const Isa isa : UsableIsas()) {
          SCOPED_TRACE(NameOf(isa));
          auto session = Session::Create(b.graph, {.threads = 2, .isa = isa, .packed = nullptr});
          ASSERT_TRUE(session.ok()) << session.status().ToString();
          const auto outputs = (*session)->Run({data});
          ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
          ExpectClose((*outputs)[0], (*oracle)[0], op == "LogSoftmax");
          EXPECT_EQ(KernelOf(**session, given.shape, op) != "plain", given.kernel);
        }
      };
      run();
      // One NaN, and a stretch of -infinity that covers rows where they are short.
      auto values = data.mutable_values<float>();
      std::fill_n(values.begin(), values.size() / 2, -kInf);
      values[values.size() - 1] = kNan;
      run();
    }
  }
}

// As SqueezeNet ends, and a softmax of images with more than one pixel.
TEST(SoftmaxStep, TakesChannelsOfImages) {
  for (const bool pooled : {true, false}) {
    SCOPED_TRACE(pooled);
    Rng rng(4);
    Builder b(rng);
    const Shape input = {2, 3, 5, 5};
    const ValueId image = b.AddConv(b.Input(input), {.channels = 3, .outputs = 40});
    const ValueId pixels = pooled ? b.AddOp("GlobalAveragePool", {image}) : image;
    b.graph.AddOutput(b.AddOp("Softmax", {pixels}, {{"axis", int64_t{1}}}));
    const Tensor data = RandomTensor(input, rng);
    const auto oracle = EvaluateGraph(b.graph, {data});
    auto session = Session::Create(b.graph, {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const auto outputs = (*session)->Run({data});
    ASSERT_TRUE(outputs.ok()) << outputs.status().ToString();
    for (int64_t i = 0; i < (*oracle)[0].size(); ++i) {
      EXPECT_NEAR((*outputs)[0].values<float>()[i], (*oracle)[0].values<float>()[i], 1e-5);
    }
    EXPECT_EQ(KernelOf(**session, input, "Softmax") == "plain", !pooled);
  }
}

}  // namespace
}  // namespace deftnn
