#include "deftnn/pipeline/allocate.h"

#include <algorithm>
#include <cmath>

#include "deftnn/pipeline/gain.h"

namespace deftnn {
namespace {

// What allocation chooses from.
constexpr double kLeastChannels = 0.2;
constexpr int64_t kLeastLevels = 4, kMostLevels = 12;
constexpr double kFineLevels[] = {1.0, 0.86, 0.72, 0.6, 0.5, 0.4, 0.3, 0.22, 0.15};
// One fraction for all layers: the least, and how often its range is halved.
constexpr double kLeastUniform = 0.02;
constexpr int kUniformSteps = 30;

// How much of a layer's input channels may stay: counts that fill the vectors of the layer that
// makes them, or halves and quarters of vectors where there are few.
std::vector<double> ChannelLevels(int64_t channels, int64_t lanes) {
  int64_t step = std::max<int64_t>(1, lanes);
  while (step % 2 == 0 && channels / step < kLeastLevels) step /= 2;
  while (channels / step > kMostLevels) step *= 2;
  std::vector<double> levels = {1.0};
  for (int64_t count = (channels - 1) / step * step; count > 0; count -= step) {
    const double fraction = static_cast<double>(count) / static_cast<double>(channels);
    if (fraction >= kLeastChannels) levels.push_back(fraction);
  }
  return levels;
}

double ErrorAt(const ErrorCurve& roots, double fraction) {
  if (fraction >= 1.0 || roots.fractions.empty()) return 0;
  const double root = Interpolate(roots, fraction);
  return root * root;
}

}  // namespace

Allocator::Allocator(const std::vector<Layer>& layers, const std::vector<LayerCurves>& curves,
                     CostModel costs, AllocationRule rule)
    : layers_(layers),
      curves_(curves),
      costs_(std::move(costs)),
      rule_(rule),
      reader_(layers.size(), -1) {
  for (size_t i = 0; i < layers.size(); ++i) {
    for (int producer : layers[i].producers) reader_[producer] = static_cast<int>(i);
    std::vector<KeptFraction> levels;
    std::vector<double> errors;
    reasons_.push_back(
        curves[i].fine.fractions.empty() || rule == AllocationRule::kUniform
            ? ""
            : WhyNotFaster([&](double k) { return costs_.Cost(i, 1.0, k); }, kFineLevels));
    std::vector<double> channel_levels = {1.0};
    if (!curves[i].channels.fractions.empty()) {
      int64_t lanes = 1;
      for (int producer : layers[i].producers) lanes = std::max(lanes, costs_.lanes(producer));
      channel_levels = ChannelLevels(layers[i].layout.channels, lanes);
    }
    for (double channels : channel_levels) {
      for (double fine : kFineLevels) {
        if (fine < 1.0 && (curves[i].fine.fractions.empty() || !reasons_[i].empty())) continue;
        levels.push_back({channels, fine});
        errors.push_back(ErrorAt(curves[i].channels, channels) + ErrorAt(curves[i].fine, fine));
      }
    }
    levels_.push_back(std::move(levels));
    coupled_.push_back({std::move(errors), -1, {}});
  }
  for (size_t i = 0; i < layers.size(); ++i) Couple(i);
}

void Allocator::Couple(size_t layer) {
  CoupledLayer& coupled = coupled_[layer];
  coupled.reader = reader_[layer];
  static const std::vector<KeptFraction> kAll(1);
  const std::vector<KeptFraction>& readers = coupled.reader < 0 ? kAll : levels_[coupled.reader];
  for (const KeptFraction& own : levels_[layer]) {
    std::vector<double>& row = coupled.cost.emplace_back();
    for (const KeptFraction& reader : readers) {
      const double outputs =
          coupled.reader < 0 ? 1.0 : OutputsKept(layer, coupled.reader, reader.channels);
      row.push_back(costs_.Cost(layer, outputs, own.channels * own.fine));
    }
  }
}

double Allocator::OutputsKept(size_t layer, size_t reader, double channels) const {
  if (channels >= 1.0) return 1.0;
  const Layer& by = layers_[reader];
  const auto p = std::find(by.producers.begin(), by.producers.end(), static_cast<int>(layer)) -
                 by.producers.begin();
  const std::vector<int64_t>& made = by.made[p];
  int64_t kept = 0;
  for (const int64_t c : ChannelsKept(reader, channels))
    kept += std::binary_search(made.begin(), made.end(), c);
  return static_cast<double>(std::max<int64_t>(1, kept)) /
         static_cast<double>(layers_[layer].outputs);
}

double Allocator::Cost(const std::vector<KeptFraction>& kept) const {
  double cost = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int reader = reader_[i];
    const double outputs = reader < 0 ? 1.0 : OutputsKept(i, reader, kept[reader].channels);
    cost += costs_.Cost(i, outputs, kept[i].channels * kept[i].fine);
  }
  return cost;
}

double Allocator::Error(const std::vector<KeptFraction>& kept) const {
  double error = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    error +=
        ErrorAt(curves_[i].channels, kept[i].channels) + ErrorAt(curves_[i].fine, kept[i].fine);
  }
  return error;
}

std::vector<KeptFraction> Allocator::UniformWithin(double budget) const {
  const auto all = [&](double fraction) {
    std::vector<KeptFraction> kept = Dense();
    for (size_t i = 0; i < kept.size(); ++i) {
      if (!curves_[i].fine.fractions.empty()) {
        kept[i].fine = fraction;
      } else if (!curves_[i].channels.fractions.empty()) {
        kept[i].channels = fraction;
      }
    }
    return kept;
  };
  if (Cost(Dense()) <= budget) return Dense();
  double least = 0, most = 1;
  for (int step = 0; step < kUniformSteps; ++step) {
    const double middle = (least + most) / 2;
    (Cost(all(middle)) <= budget ? least : most) = middle;
  }
  return all(std::max(least, kLeastUniform));
}

std::vector<int64_t> Allocator::ChannelsKept(size_t layer, double fraction) const {
  const std::vector<int64_t>& order = curves_[layer].channel_order;
  const auto all = static_cast<double>(layers_[layer].layout.channels);
  const auto most = static_cast<int64_t>(order.size()) - curves_[layer].free_channels;
  const int64_t count =
      std::clamp<int64_t>(std::llround(fraction * all), 1, std::max<int64_t>(1, most));
  std::vector<int64_t> channels(order.end() - count, order.end());
  std::sort(channels.begin(), channels.end());
  return channels;
}

std::vector<LayerCut> Allocator::Cuts(const std::vector<KeptFraction>& kept) const {
  std::vector<LayerCut> cuts(layers_.size());
  for (size_t i = 0; i < layers_.size(); ++i) {
    cuts[i].fine = kept[i].fine;
    if (kept[i].channels < 1.0) cuts[i].channels = ChannelsKept(i, kept[i].channels);
  }
  return cuts;
}

std::vector<KeptFraction> Allocator::Within(double budget) const {
  if (rule_ == AllocationRule::kUniform) return UniformWithin(budget);
  const auto kept_at = [&](const std::vector<int64_t>& levels) {
    std::vector<KeptFraction> kept;
    for (size_t i = 0; i < levels.size(); ++i) kept.push_back(levels_[i][levels[i]]);
    return kept;
  };
  const auto allocation = AllocateCoupled(coupled_, budget);
  if (allocation.ok()) return kept_at(allocation->levels);
  // Nothing is so cheap: the last level of each layer is its least.
  std::vector<int64_t> least;
  for (const auto& levels : levels_) least.push_back(static_cast<int64_t>(levels.size()) - 1);
  return kept_at(least);
}

}  // namespace deftnn
