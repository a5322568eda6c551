#include "deftnn/pipeline/allocate.h"

#include <algorithm>
#include <cmath>

#include "deftnn/pipeline/gain.h"

namespace deftnn {
namespace {

// What allocation chooses from.
constexpr double kFineLevels[] = {kMostFine, 0.72, 0.6, 0.5, 0.4, 0.3, 0.22, 0.15};
// One fraction for all layers: the least, and how often its range is halved.
constexpr double kLeastUniform = 0.02;
constexpr int kUniformSteps = 30;

double ErrorAt(const ErrorCurve& roots, double fraction) {
  if (fraction >= 1.0 || roots.fractions.empty()) return 0;
  const double root = Interpolate(roots, fraction);
  return root * root;
}

double ErrorAt(const LayerCurves& curves, const KeptFraction& kept) {
  const double channels = ErrorAt(curves.channels, kept.channels);
  return kept.fine < 1.0 ? channels + ErrorAt(curves.fine.at(kept.grouping), kept.fine) : channels;
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
    std::vector<KeptFraction> fine_levels = FineLevels(i);
    std::vector<KeptFraction> levels;
    std::vector<double> errors;
    for (const double channels : costs_.channel_levels(i)) {
      if (channels < 1.0 && curves[i].channels.fractions.empty()) break;
      for (KeptFraction level : fine_levels) {
        level.channels = channels;
        errors.push_back(ErrorAt(curves[i], level));
        levels.push_back(level);
      }
    }
    levels_.push_back(std::move(levels));
    coupled_.push_back({std::move(errors), -1, {}});
  }
  for (size_t i = 0; i < layers.size(); ++i) Couple(i);
}

std::vector<KeptFraction> Allocator::FineLevels(size_t layer) {
  std::vector<KeptFraction> levels = {{}};
  std::string& reason = reasons_.emplace_back();
  const int groupings = static_cast<int>(curves_[layer].fine.size());
  for (int grouping = 0; grouping < groupings; ++grouping) {
    if (rule_ == AllocationRule::kMeasured) {
      reason = WhyNotFaster(
          [&](double fine) {
            return costs_.Cost(layer, 1.0, {1.0, fine, grouping});
          },
          kFineLevels);
      if (!reason.empty()) continue;
    }
    for (const double fine : kFineLevels) levels.push_back({1.0, fine, grouping});
  }
  if (levels.size() > 1) reason.clear();
  return levels;
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
      row.push_back(costs_.Cost(layer, outputs, own));
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
    cost += costs_.Cost(i, outputs, kept[i]);
  }
  return cost;
}

double Allocator::Error(const std::vector<KeptFraction>& kept) const {
  double error = 0;
  for (size_t i = 0; i < layers_.size(); ++i) error += ErrorAt(curves_[i], kept[i]);
  return error;
}

std::vector<KeptFraction> Allocator::UniformWithin(double budget) const {
  const auto all = [&](double fraction) {
    std::vector<KeptFraction> kept = Dense();
    for (size_t i = 0; i < kept.size(); ++i) {
      if (!curves_[i].fine.empty()) {
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
    cuts[i].grouping = kept[i].grouping;
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
