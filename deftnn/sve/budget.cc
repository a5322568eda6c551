#include "deftnn/sve/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace deftnn {
namespace {

// A partial allocation of the first layers; `parent` is its place in the previous front.
struct Point {
  double cost, error;
  int32_t level, parent;
};

bool Before(const Point& a, const Point& b) {
  if (a.cost != b.cost) return a.cost < b.cost;
  if (a.error != b.error) return a.error < b.error;
  return a.parent != b.parent ? a.parent < b.parent : a.level < b.level;
}

// Points that no other point beats in both cost and error, by rising cost.
std::vector<Point> Front(std::vector<Point> points, double budget, int64_t resolution) {
  std::sort(points.begin(), points.end(), Before);
  std::vector<Point> front;
  for (const Point& p : points)
    if (front.empty() || p.error < front.back().error) front.push_back(p);
  if (static_cast<int64_t>(front.size()) <= resolution) return front;
  // In a slice the dearest point has the least error; the very cheapest stays for feasibility.
  std::vector<Point> thinned = {front.front()};
  const double width = budget / static_cast<double>(resolution);
  for (size_t i = 1; i < front.size(); ++i) {
    const bool last_of_slice = i + 1 == front.size() || std::floor(front[i].cost / width) !=
                                                            std::floor(front[i + 1].cost / width);
    if (last_of_slice) thinned.push_back(front[i]);
  }
  return thinned;
}

Status TooSmall(double budget, double least) {
  return Error("a budget of {:.6g} cannot be met: the cheapest choices cost {:.6g}", budget, least)
      .WithHint("a smaller reduction");
}

using Levels = std::vector<int64_t>;

class CoupledSearch {
 public:
  explicit CoupledSearch(const std::vector<CoupledLayer>& layers)
      : layers_(layers), producers_(layers.size()) {
    for (size_t i = 0; i < layers.size(); ++i)
      if (layers[i].reader >= 0) producers_[layers[i].reader].push_back(i);
  }

  Allocation At(Levels levels) const {
    Allocation a;
    for (size_t i = 0; i < layers_.size(); ++i) {
      a.cost += CostOf(i, levels);
      a.error += layers_[i].errors[levels[i]];
    }
    a.levels = std::move(levels);
    return a;
  }

  // The minimum of weight error + lambda cost. best[i][r]: that of layer i and all that it reads
  // from, where its reader is at level r.
  Allocation Minimum(double weight, double lambda) const {
    std::vector<std::vector<double>> best(layers_.size());
    std::vector<Levels> choice(layers_.size());
    for (size_t i = 0; i < layers_.size(); ++i) {
      const CoupledLayer& layer = layers_[i];
      std::vector<double> below = layer.errors;
      for (double& value : below) value *= weight;
      for (const size_t p : producers_[i])
        for (size_t l = 0; l < below.size(); ++l) below[l] += best[p][l];
      const size_t columns = layer.cost.front().size();
      best[i].assign(columns, std::numeric_limits<double>::infinity());
      choice[i].assign(columns, 0);
      for (size_t l = 0; l < below.size(); ++l) {
        for (size_t r = 0; r < columns; ++r) {
          const double value = below[l] + lambda * layer.cost[l][r];
          if (value >= best[i][r]) continue;
          best[i][r] = value;
          choice[i][r] = static_cast<int64_t>(l);
        }
      }
    }
    Levels levels(layers_.size());
    for (size_t i = layers_.size(); i > 0; --i)
      levels[i - 1] = choice[i - 1][ReaderLevel(i - 1, levels)];
    return At(std::move(levels));
  }

  // Any change of one layer, then of two at once, that lowers the error within the budget.
  Allocation Polish(Allocation at, double budget) const {
    for (int round = 0; round < 50; ++round) {
      Levels best = BestChange(at, budget, false);
      if (best == at.levels) best = BestChange(at, budget, true);
      if (best == at.levels) break;
      at = At(std::move(best));
    }
    return at;
  }

  Allocation Cheapest() const { return Minimum(0, 1); }

 private:
  int64_t ReaderLevel(size_t i, const Levels& levels) const {
    return layers_[i].reader < 0 ? 0 : levels[layers_[i].reader];
  }
  double CostOf(size_t i, const Levels& levels) const {
    return layers_[i].cost[levels[i]][ReaderLevel(i, levels)];
  }
  // Of the layer and those that it reads from: all that depends on its level.
  double CostAround(size_t i, const Levels& levels) const {
    double cost = CostOf(i, levels);
    for (const size_t p : producers_[i]) cost += CostOf(p, levels);
    return cost;
  }

  // The change of one layer, or of one layer to less error that another one pays for, which lowers
  // the error most.
  Levels BestChange(const Allocation& at, double budget, bool pairs) const {
    Levels levels = at.levels, best = at.levels;
    double least = at.error;
    const auto error = [&](size_t i, int64_t level) { return layers_[i].errors[level]; };
    const auto visit = [&](size_t i, auto inner) {
      const double around = CostAround(i, levels);
      const int64_t was = levels[i];
      for (int64_t l = 0; l < std::ssize(layers_[i].errors); ++l) {
        levels[i] = l;
        if (l != was) inner(error(i, l) - error(i, was), CostAround(i, levels) - around);
      }
      levels[i] = was;
    };
    const auto take = [&](double new_error, double new_cost) {
      if (!(new_error < least) || new_cost > budget) return;
      const Allocation candidate = At(levels);  // the sums without the differences' rounding
      if (candidate.cost > budget || !(candidate.error < least)) return;
      least = candidate.error;
      best = levels;
    };
    for (size_t i = 0; i < layers_.size(); ++i) {
      visit(i, [&](double gain, double cost) {
        if (!pairs) return take(at.error + gain, at.cost + cost);
        if (gain >= 0) return;
        for (size_t j = 0; j < layers_.size(); ++j) {
          if (j == i) continue;
          visit(j, [&](double loss, double saved) {
            take(at.error + gain + loss, at.cost + cost + saved);
          });
        }
      });
    }
    return best;
  }

  const std::vector<CoupledLayer>& layers_;
  std::vector<std::vector<size_t>> producers_;
};

Status CheckCoupled(const std::vector<CoupledLayer>& layers) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const CoupledLayer& layer = layers[i];
    if (layer.errors.empty()) return Error("a layer without choices");
    const bool alone = layer.reader < 0;
    if (!alone && (layer.reader <= static_cast<int>(i) || layer.reader >= std::ssize(layers)))
      return Error("layer {} is read by layer {}, which does not follow it", i, layer.reader);
    const size_t columns = alone ? 1 : layers[layer.reader].errors.size();
    if (layer.cost.size() != layer.errors.size())
      return Error("{} costs for {} choices", layer.cost.size(), layer.errors.size());
    for (size_t l = 0; l < layer.cost.size(); ++l) {
      if (!std::isfinite(layer.errors[l])) return Error("a choice of error {}", layer.errors[l]);
      if (layer.cost[l].size() != columns)
        return Error("{} costs for {} choices of the reader", layer.cost[l].size(), columns);
      for (const double cost : layer.cost[l])
        if (!std::isfinite(cost)) return Error("a choice of cost {}", cost);
    }
  }
  return {};
}

}  // namespace

Result<Allocation> AllocateIndependent(const std::vector<std::vector<Choice>>& layers,
                                       double budget, int64_t resolution) {
  double least = 0;
  for (const std::vector<Choice>& choices : layers) {
    double cheapest = std::numeric_limits<double>::infinity();
    for (const Choice& c : choices) {
      if (!std::isfinite(c.cost) || !std::isfinite(c.error) || c.cost < 0)
        return Error("a choice of cost {} and error {}", c.cost, c.error);
      cheapest = std::min(cheapest, c.cost);
    }
    if (choices.empty()) return Error("a layer without choices");
    least += cheapest;
  }
  const double limit = budget + 1e-12 * std::abs(budget);  // sums in another order
  if (!(least <= limit)) return TooSmall(budget, least);
  std::vector<std::vector<Point>> fronts = {{{0, 0, 0, 0}}};
  double least_left = least;
  for (const std::vector<Choice>& choices : layers) {
    double cheapest = std::numeric_limits<double>::infinity();
    for (const Choice& c : choices) cheapest = std::min(cheapest, c.cost);
    least_left -= cheapest;
    std::vector<Point> points;
    for (size_t p = 0; p < fronts.back().size(); ++p) {
      for (size_t c = 0; c < choices.size(); ++c) {
        const double cost = fronts.back()[p].cost + choices[c].cost;
        if (cost + least_left > limit * (1 + 1e-12) && choices[c].cost > cheapest) continue;
        points.push_back({cost, fronts.back()[p].error + choices[c].error, static_cast<int32_t>(c),
                          static_cast<int32_t>(p)});
      }
    }
    fronts.push_back(Front(std::move(points), budget, resolution));
  }
  auto at = static_cast<int64_t>(fronts.back().size()) - 1;
  while (at > 0 && fronts.back()[at].cost > limit) --at;
  Allocation best;
  best.cost = fronts.back()[at].cost;
  best.error = fronts.back()[at].error;
  best.levels.resize(layers.size());
  for (size_t i = layers.size(); i > 0; --i) {
    best.levels[i - 1] = fronts[i][at].level;
    at = fronts[i][at].parent;
  }
  return best;
}

Result<Allocation> AllocateCoupled(const std::vector<CoupledLayer>& layers, double budget) {
  DEFTNN_RETURN_IF_ERROR(CheckCoupled(layers));
  const CoupledSearch search(layers);
  const Allocation dense = search.At(Levels(layers.size()));
  const Allocation cheapest = search.Cheapest();
  if (!(cheapest.cost <= budget || dense.cost <= budget)) return TooSmall(budget, cheapest.cost);
  Allocation best = cheapest.cost <= budget ? cheapest : dense;
  const auto consider = [&](const Allocation& a) {
    if (a.cost <= budget && (a.error < best.error || (a.error == best.error && a.cost < best.cost)))
      best = a;
    return a.cost <= budget;
  };
  consider(dense);
  // Between these lambdas the minimum goes from no reduction to all of it.
  const double scale = std::max(1e-300, std::abs(cheapest.error - dense.error)) /
                       std::max(1e-300, std::abs(dense.cost - cheapest.cost));
  double low = 1e-8 * scale, high = 1e8 * scale;
  for (int step = 0; step < 60; ++step) {
    const double lambda = std::sqrt(low * high);
    (consider(search.Minimum(1, lambda)) ? high : low) = lambda;
  }
  return search.Polish(std::move(best), budget);
}

Result<Allocation> CheapestCoupled(const std::vector<CoupledLayer>& layers) {
  DEFTNN_RETURN_IF_ERROR(CheckCoupled(layers));
  return CoupledSearch(layers).Cheapest();
}

}  // namespace deftnn
