#include "deftnn/sve/activation_refit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "deftnn/analysis/gram.h"
#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A layer whose inputs depend on each other, with rows and the statistics of them.
struct Layer {
  int64_t outputs, k, count;
  LayerProblem problem;
  LayerRows rows;

  Layer(uint64_t seed, int64_t outputs_, int64_t k_, int64_t count_, bool added)
      : outputs(outputs_), k(k_), count(count_) {
    Rng rng(seed);
    problem.outputs = outputs;
    problem.layout = {k, 1};
    for (int64_t i = 0; i < outputs * k; ++i)
      problem.weights.push_back(static_cast<float>(rng.Normal()));
    for (int64_t o = 0; o < outputs; ++o)
      problem.bias.push_back(static_cast<float>(rng.Normal() - 1));
    rows.count = count;
    for (int64_t r = 0; r < count; ++r) {
      const double common = rng.Normal();
      std::vector<double> x;
      for (int64_t i = 0; i < k; ++i) x.push_back(std::max(0.0, common + rng.Normal()));
      rows.x.insert(rows.x.end(), x.begin(), x.end());
      for (int64_t o = 0; o < outputs; ++o) {
        double y = 0;
        for (int64_t i = 0; i < k; ++i) y += problem.weights[o * k + i] * x[i];
        rows.targets.push_back(static_cast<float>(y));
        if (added) rows.added.push_back(static_cast<float>(rng.Normal()));
      }
    }
    auto accumulator = GramAccumulator::Create({k, outputs});
    EXPECT_TRUE(accumulator->Add(count, rows.x.data(), rows.targets.data()).ok());
    problem.statistics = accumulator->Finish().value();
  }

  // The mean square error behind the activation, and that of d.
  struct Losses {
    double behind = 0, distance = 0;
  };
  Losses Of(const Elimination& cut, float low, float high) const {
    const auto clamp = [&](double v) { return std::min<double>(std::max<double>(v, low), high); };
    Losses sum;
    const auto kept = static_cast<int64_t>(cut.kept_entries.size());
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t o = 0; o < outputs; ++o) {
        const double add = rows.added.empty() ? 0 : rows.added[r * outputs + o];
        double got = cut.bias[o] + add;
        for (int64_t j = 0; j < kept; ++j)
          got += cut.weights[o * kept + j] * rows.x[r * k + cut.kept_entries[j]];
        const double wanted = rows.targets[r * outputs + o] + problem.bias[o] + add;
        sum.behind += std::pow(clamp(wanted) - clamp(got), 2) / static_cast<double>(count);
        double distance = wanted - got;
        if (wanted <= low) distance = std::max(0.0, got - low);
        if (wanted >= high) distance = std::max(0.0, high - got);
        sum.distance += distance * distance / static_cast<double>(count);
      }
    }
    return sum;
  }
  double Loss(const Elimination& cut, float low, float high) const {
    return Of(cut, low, high).behind;
  }

  // With the damping.
  double Objective(const Elimination& cut, float low, float high, double lambda) const {
    const auto kept = static_cast<int64_t>(cut.kept_entries.size());
    double pull = 0;
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t j = 0; j < kept; ++j)
        pull +=
            std::pow(cut.weights[o * kept + j] - problem.weights[o * k + cut.kept_entries[j]], 2);
    return Of(cut, low, high).distance + lambda * pull;
  }
};

struct Clamp {
  float low, high;
};
constexpr Clamp kClamps[] = {{0, kInfinity}, {0, 6}, {-1, 1}};

TEST(ActivationRefit, TheDistanceIsNeverLessThanTheErrorBehindTheActivation) {
  const Layer layer(1, 5, 16, 300, true);
  const auto eliminator = Eliminator::Create(layer.problem);
  ASSERT_TRUE(eliminator.ok());
  for (const auto& [low, high] : kClamps) {
    const Layer::Losses losses = layer.Of(eliminator->KeepFraction(0.3).value(), low, high);
    EXPECT_GE(losses.distance, losses.behind);
  }
}

TEST(ActivationRefit, LosesLessBehindTheActivationThanLeastSquares) {
  double plain_losses = 0, losses = 0;
  for (const auto& [low, high] : kClamps) {
    for (const bool added : {false, true}) {
      for (uint64_t seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE(fmt::format("[{}, {}] added {} seed {}", low, high, added, seed));
        const Layer layer(seed, 7, 24, 400, added);
        const auto eliminator = Eliminator::Create(layer.problem, {.damping = 1e-3});
        ASSERT_TRUE(eliminator.ok());
        const Elimination plain = eliminator->KeepFraction(0.5).value();
        double before = layer.Objective(plain, low, high, eliminator->lambda());
        const double plain_loss = layer.Loss(plain, low, high);
        double loss = plain_loss;
        // More iterations never lose more.
        for (const int iterations : {1, 2, 4, 16}) {
          const auto refit = RefitThroughActivation(
              *eliminator, plain, layer.rows,
              {.low = low, .high = high, .iterations = iterations, .sum = nullptr});
          ASSERT_TRUE(refit.ok());
          EXPECT_EQ(refit->kept_entries, plain.kept_entries);
          const double after = layer.Objective(*refit, low, high, eliminator->lambda());
          EXPECT_LE(after, before * (1 + 1e-6));
          before = after;
          loss = layer.Loss(*refit, low, high);
        }
        plain_losses += plain_loss;
        losses += loss;
      }
    }
  }
  EXPECT_LT(losses, 0.97 * plain_losses);
}

TEST(ActivationRefit, EndsWhereNoWeightWantsToMove) {
  const Layer layer(3, 2, 8, 300, true);
  const auto eliminator = Eliminator::Create(layer.problem, {.damping = 1e-3});
  ASSERT_TRUE(eliminator.ok());
  const Elimination cut = eliminator->KeepFraction(0.5).value();
  const auto refit = RefitThroughActivation(
      *eliminator, cut, layer.rows,
      {.low = 0, .high = kInfinity, .iterations = 3000, .least_gain = -1, .sum = nullptr});
  ASSERT_TRUE(refit.ok());
  const double here = layer.Objective(*refit, 0, kInfinity, eliminator->lambda());
  for (size_t i = 0; i < refit->weights.size() + refit->bias.size(); ++i) {
    for (const float step : {0.05f, -0.05f}) {
      Elimination moved = *refit;
      (i < moved.weights.size() ? moved.weights[i] : moved.bias[i - moved.weights.size()]) += step;
      EXPECT_GT(layer.Objective(moved, 0, kInfinity, eliminator->lambda()), here) << i;
    }
  }
}

TEST(ActivationRefit, ErrorIsThatBehindTheActivation) {
  const Layer layer(5, 4, 12, 200, false);
  const auto eliminator = Eliminator::Create(layer.problem);
  ASSERT_TRUE(eliminator.ok());
  const auto refit =
      RefitThroughActivation(*eliminator, eliminator->KeepFraction(0.4).value(), layer.rows,
                             {.low = 0, .high = kInfinity, .sum = nullptr});
  ASSERT_TRUE(refit.ok());
  double variance = 0;
  for (int64_t o = 0; o < layer.outputs; ++o) {
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < layer.count; ++r) {
      const double v =
          std::max(0.0f, layer.rows.targets[r * layer.outputs + o] + layer.problem.bias[o]);
      sum += v;
      squares += v * v;
    }
    const auto n = static_cast<double>(layer.count);
    variance += squares / n - (sum / n) * (sum / n);
  }
  EXPECT_NEAR(refit->relative_error, layer.Loss(*refit, 0, kInfinity) / variance, 1e-6);
}

TEST(ActivationRefit, SharesOfTheRowsMakeTheSame) {
  const Layer layer(9, 3, 10, 240, true);
  const auto eliminator = Eliminator::Create(layer.problem);
  ASSERT_TRUE(eliminator.ok());
  const Elimination cut = eliminator->KeepFraction(0.5).value();
  const auto whole = RefitThroughActivation(*eliminator, cut, layer.rows,
                                            {.low = 0, .high = kInfinity, .sum = nullptr});
  // Two processes that hold the same rows twice: sums of twice as many samples.
  const auto twice =
      RefitThroughActivation(*eliminator, cut, layer.rows,
                             {.low = 0, .high = kInfinity, .sum = [](std::span<double> values) {
                                for (double& value : values) value *= 2;
                                return Status();
                              }});
  ASSERT_TRUE(whole.ok() && twice.ok());
  for (size_t i = 0; i < whole->weights.size(); ++i)
    EXPECT_NEAR(whole->weights[i], twice->weights[i], 1e-6);
}

TEST(ActivationRefit, AFailedSumIsToldAbout) {
  const Layer layer(2, 2, 6, 50, false);
  const auto eliminator = Eliminator::Create(layer.problem);
  ASSERT_TRUE(eliminator.ok());
  const auto refit =
      RefitThroughActivation(*eliminator, eliminator->KeepFraction(0.5).value(), layer.rows,
                             {.low = 0, .high = kInfinity, .sum = [](std::span<double>) -> Status {
                                return Error("a process is gone");
                              }});
  EXPECT_FALSE(refit.ok());
}

}  // namespace
}  // namespace deftnn
