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
                     CostModel costs, FormatOffers formats, AllocationRule rule)
    : layers_(layers),
      curves_(curves),
      costs_(std::move(costs)),
      formats_(std::move(formats)),
      rule_(rule),
      reader_(layers.size(), -1) {
  for (size_t i = 0; i < layers.size(); ++i) {
    for (int producer : layers[i].producers) reader_[producer] = static_cast<int>(i);
    AddLayer(i);
  }
  for (size_t i = 0; i < layers.size(); ++i) Couple(i);
  for (const std::string& node : costs_.OtherNodes()) AddOtherNode(node);
}

double Allocator::Harm(std::string_view node, Format format) const {
  const auto found = formats_.harm.find(node);
  return format == Format::kFp32 || found == formats_.harm.end() ? 0.0 : found->second;
}

void Allocator::AddLayer(size_t layer) {
  std::vector<Level> levels;
  std::vector<double> errors;
  std::string reason;
  bool any_fine = false;
  for (const Format format : formats_.Of(layers_[layer].name)) {
    const double harm = Harm(layers_[layer].name, format);
    const std::vector<KeptFraction> fine_levels = FineLevels(layer, format, reason);
    any_fine = any_fine || fine_levels.size() > 1;
    for (const double channels : costs_.channel_levels(layer)) {
      if (channels < 1.0 && curves_[layer].channels.fractions.empty()) break;
      for (KeptFraction kept : fine_levels) {
        kept.channels = channels;
        errors.push_back(ErrorAt(curves_[layer], kept) + harm);
        levels.push_back({kept, format});
      }
    }
  }
  reasons_.push_back(any_fine ? "" : reason);
  names_.push_back(layers_[layer].name);
  levels_.push_back(std::move(levels));
  coupled_.push_back({std::move(errors), -1, {}});
}

void Allocator::AddOtherNode(const std::string& node) {
  CoupledLayer coupled;
  std::vector<Level>& levels = levels_.emplace_back();
  for (const Format format : formats_.Of(node)) {
    levels.push_back({{}, format});
    coupled.errors.push_back(Harm(node, format));
    coupled.cost.push_back({costs_.CostOfOther(node, format)});
  }
  names_.push_back(node);
  coupled_.push_back(std::move(coupled));
}

std::vector<KeptFraction> Allocator::FineLevels(size_t layer, Format format,
                                                std::string& reason) const {
  std::vector<KeptFraction> levels = {{}};
  const int groupings = static_cast<int>(curves_[layer].fine.size());
  for (int grouping = 0; grouping < groupings; ++grouping) {
    if (rule_ == AllocationRule::kMeasured) {
      reason = WhyNotFaster(
          [&](double fine) {
            return costs_.Cost(layer, format, 1.0, {1.0, fine, grouping});
          },
          kFineLevels);
      if (!reason.empty()) continue;
    }
    for (const double fine : kFineLevels) levels.push_back({1.0, fine, grouping});
  }
  return levels;
}

void Allocator::Couple(size_t layer) {
  CoupledLayer& coupled = coupled_[layer];
  coupled.reader = reader_[layer];
  static const std::vector<Level> kAll(1);
  const std::vector<Level>& readers = coupled.reader < 0 ? kAll : levels_[coupled.reader];
  for (const Level& own : levels_[layer]) {
    std::vector<double>& row = coupled.cost.emplace_back();
    for (const Level& reader : readers) {
      const double outputs =
          coupled.reader < 0 ? 1.0 : OutputsKept(layer, coupled.reader, reader.kept.channels);
      row.push_back(costs_.Cost(layer, own.format, outputs, own.kept));
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

double Allocator::Cost(const Recipe& recipe) const {
  double cost = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const int reader = reader_[i];
    const double outputs = reader < 0 ? 1.0 : OutputsKept(i, reader, recipe.kept[reader].channels);
    cost += costs_.Cost(i, recipe.format.of(layers_[i].name), outputs, recipe.kept[i]);
  }
  for (const std::string& node : costs_.OtherNodes())
    cost += costs_.CostOfOther(node, recipe.format.of(node));
  return cost;
}

double Allocator::DenseCost() const { return Cost({Dense().kept, formats_.Safest()}); }

double Allocator::Error(const Recipe& recipe) const {
  double error = 0;
  for (size_t i = 0; i < layers_.size(); ++i) error += ErrorAt(curves_[i], recipe.kept[i]);
  for (const std::string& node : names_) error += Harm(node, recipe.format.of(node));
  return error;
}

Recipe Allocator::UniformWithin(double budget) const {
  const auto all = [&](double fraction) {
    Recipe recipe = Dense();
    for (size_t i = 0; i < recipe.kept.size(); ++i) {
      if (!curves_[i].fine.empty()) {
        recipe.kept[i].fine = fraction;
      } else if (!curves_[i].channels.fractions.empty()) {
        recipe.kept[i].channels = fraction;
      }
    }
    return recipe;
  };
  if (DenseCost() <= budget) return Dense();
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

Recipe Allocator::Within(double budget) const {
  if (rule_ == AllocationRule::kUniform) return UniformWithin(budget);
  const auto recipe_at = [&](const std::vector<int64_t>& levels) {
    Recipe recipe{{}, formats_.Safest()};
    for (size_t i = 0; i < levels.size(); ++i) {
      const Level& level = levels_[i][levels[i]];
      if (i < layers_.size()) recipe.kept.push_back(level.kept);
      if (level.format == Format::kDfp16) recipe.format.in_fp32.erase(names_[i]);
    }
    return recipe;
  };
  if (const auto allocation = AllocateCoupled(coupled_, budget); allocation.ok())
    return recipe_at(allocation->levels);
  return recipe_at(CheapestCoupled(coupled_).value().levels);
}

}  // namespace deftnn
