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

// The state of the coupled search: levels, and their cost and error.
class Search {
 public:
  Search(const std::vector<std::vector<double>>& errors, const CostOfLevels& cost)
      : errors_(errors), cost_(cost) {}

  Allocation At(std::vector<int64_t> levels) const {
    Allocation a;
    a.cost = cost_(levels);
    for (size_t i = 0; i < levels.size(); ++i) a.error += errors_[i][levels[i]];
    a.levels = std::move(levels);
    return a;
  }

  // Coordinate descent on error + lambda cost.
  Allocation Descend(double lambda, Allocation at) const {
    for (int sweep = 0; sweep < 30; ++sweep) {
      bool moved = false;
      for (size_t i = 0; i < errors_.size(); ++i) {
        for (const auto& pair : Neighbours(i, at.levels)) {
          const Allocation other = At(pair);
          const double gain = at.error + lambda * at.cost - other.error - lambda * other.cost;
          if (gain > 1e-12 * (std::abs(at.error) + lambda * std::abs(at.cost))) {
            at = other;
            moved = true;
          }
        }
      }
      if (!moved) break;
    }
    return at;
  }

  // Any change of one layer, then of two at once, that lowers the error within the budget.
  Allocation Polish(Allocation at, double budget) const {
    for (int round = 0; round < 50; ++round) {
      Allocation best = at;
      for (size_t i = 0; i < errors_.size(); ++i)
        for (const auto& levels : Neighbours(i, at.levels)) Take(At(levels), budget, best);
      if (best.levels == at.levels) {
        for (size_t i = 0; i < errors_.size(); ++i) {
          for (size_t j = 0; j < errors_.size(); ++j) {
            if (i != j) TryPair(i, j, at, budget, best);
          }
        }
      }
      if (best.levels == at.levels) break;
      at = best;
    }
    return at;
  }

  std::vector<int64_t> Cheapest() const {
    std::vector<int64_t> levels;
    for (const auto& e : errors_) levels.push_back(static_cast<int64_t>(e.size()) - 1);
    return levels;
  }

 private:
  // Every other level of layer i.
  std::vector<std::vector<int64_t>> Neighbours(size_t i, const std::vector<int64_t>& levels) const {
    std::vector<std::vector<int64_t>> all;
    for (int64_t level = 0; level < static_cast<int64_t>(errors_[i].size()); ++level) {
      if (level == levels[i]) continue;
      all.push_back(levels);
      all.back()[i] = level;
    }
    return all;
  }

  static void Take(const Allocation& candidate, double budget, Allocation& best) {
    if (candidate.cost <= budget && candidate.error < best.error) best = candidate;
  }

  // Layer i to any level of less error, paid for by layer j.
  void TryPair(size_t i, size_t j, const Allocation& at, double budget, Allocation& best) const {
    for (const auto& levels : Neighbours(i, at.levels)) {
      const double gain = errors_[i][at.levels[i]] - errors_[i][levels[i]];
      if (gain <= 0) continue;
      for (const auto& both : Neighbours(j, levels)) {
        if (errors_[j][both[j]] - errors_[j][at.levels[j]] < gain) Take(At(both), budget, best);
      }
    }
  }

  const std::vector<std::vector<double>>& errors_;
  const CostOfLevels& cost_;
};

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

Result<Allocation> AllocateCoupled(const std::vector<std::vector<double>>& errors,
                                   const CostOfLevels& cost, double budget) {
  for (const std::vector<double>& levels : errors) {
    if (levels.empty()) return Error("a layer without choices");
    for (const double e : levels)
      if (!std::isfinite(e)) return Error("a choice of error {}", e);
  }
  const Search search(errors, cost);
  const std::vector<int64_t> first(errors.size());
  const Allocation dense = search.At(first), cheapest = search.At(search.Cheapest());
  if (!std::isfinite(dense.cost) || !std::isfinite(cheapest.cost))
    return Error("a cost that is not finite");
  if (cheapest.cost > budget && dense.cost > budget) return TooSmall(budget, cheapest.cost);
  Allocation best = cheapest.cost <= budget ? cheapest : dense;
  const auto consider = [&](const Allocation& a) {
    if (a.cost <= budget && (a.error < best.error || (a.error == best.error && a.cost < best.cost)))
      best = a;
    return a.cost <= budget;
  };
  consider(dense);
  // Between these lambdas the descent goes from no reduction to all of it.
  const double scale = std::max(1e-300, std::abs(cheapest.error - dense.error)) /
                       std::max(1e-300, std::abs(dense.cost - cheapest.cost));
  for (const std::vector<int64_t>& start : {first, search.Cheapest()}) {
    double low = 1e-8 * scale, high = 1e8 * scale;
    for (int step = 0; step < 40; ++step) {
      const double lambda = std::sqrt(low * high);
      const bool fits = consider(search.Descend(lambda, search.At(start)));
      (fits ? high : low) = lambda;
    }
  }
  return search.Polish(best, budget);
}

}  // namespace deftnn
