// Greedy optimal brain surgeon on the layer's Gram matrix (Hassibi & Stork 1993; blocks: Kurtic et
// al. 2023; the layer-wise squared error: Frantar & Alistarh 2022).
//
// With H = G + lambda I the damped error of weights W + D is tr(D H D^T) above the minimum. Taking
// group g away at the least error costs
//   cost_g = tr(W_g Q^-1 W_g^T),  Q = (H^-1)_gg,
// and moves the others by W -= W_g Q^-1 (H^-1)_g:, H^-1 -= (H^-1)_:g Q^-1 (H^-1)_g:. It starts from
// the full refit W + (C - W G) H^-1, which is the minimum itself.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "deftnn/analysis/row_blocks.h"
#include "deftnn/sve/criteria/criterion.h"

namespace deftnn {
namespace {

// Up to this many entries every removal is followed by a new ranking of all groups.
constexpr int64_t kExactEntries = 512;

struct LiveGroup {
  int64_t index, offset, size;  // into the candidates; its entries' place among the live ones
  double worth;                 // what it saves: its entries, unless they differ
};

// Cholesky of Q with as little on the diagonal as it takes: rounding can spoil a Q that is nearly
// singular.
void FactorRobustly(int64_t n, std::vector<double>& q) {
  const std::vector<double> original = q;
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += std::abs(original[i * n + i]) / static_cast<double>(n);
  if (!(mean > 0)) mean = 1;
  for (double jitter = 1e-14; !FactorSmall(n, q.data(), n); jitter *= 100) {
    DEFTNN_CHECK(jitter < 1e10);
    q = original;
    for (int64_t i = 0; i < n; ++i) q[i * n + i] += jitter * mean;
  }
}

// The inverse and the weights (a row an entry, [entries x O]) of a set of entries.
struct Surgeon {
  int64_t entries = 0, outputs = 0, stride = 0;
  std::vector<double> inverse, rows;

  const double* InverseRow(int64_t i) const { return inverse.data() + i * stride; }
  const double* Row(int64_t i) const { return rows.data() + i * outputs; }

  std::vector<double> Q(int64_t offset, int64_t size) const {
    std::vector<double> q(size * size);
    for (int64_t i = 0; i < size; ++i)
      std::copy_n(InverseRow(offset + i) + offset, size, q.data() + i * size);
    return q;
  }

  double Cost(const LiveGroup& g) const {
    const double* w = Row(g.offset);
    if (g.size == 1) {
      const double q = InverseRow(g.offset)[g.offset];
      return Dot(outputs, w, w) / std::max(q, 1e-300);
    }
    std::vector<double> q = Q(g.offset, g.size), moments(g.size * g.size);
    Multiply(nullptr, g.size, g.size, outputs, 1.0, {w, outputs}, {w, outputs, Transposed::kYes},
             0.0, moments.data(), g.size);
    FactorRobustly(g.size, q);
    SolveSmall(g.size, q.data(), g.size, g.size, moments.data(), g.size);
    double trace = 0;
    for (int64_t i = 0; i < g.size; ++i) trace += moments[i * g.size + i];
    return std::max(0.0, trace);
  }

  // The surgeon of a few groups alone: removals among them update it exactly.
  Surgeon Part(std::vector<LiveGroup>& groups) const {
    std::vector<int64_t> from;
    for (LiveGroup& g : groups) {
      for (int64_t i = 0; i < g.size; ++i) from.push_back(g.offset + i);
      g.offset = static_cast<int64_t>(from.size()) - g.size;
    }
    Surgeon part;
    part.entries = part.stride = static_cast<int64_t>(from.size());
    part.outputs = outputs;
    part.inverse.resize(part.entries * part.entries);
    part.rows.resize(part.entries * outputs);
    for (int64_t i = 0; i < part.entries; ++i) {
      for (int64_t j = 0; j < part.entries; ++j)
        part.inverse[i * part.entries + j] = InverseRow(from[i])[from[j]];
      std::copy_n(Row(from[i]), outputs, part.rows.data() + i * outputs);
    }
    return part;
  }

  // Removes the entries whose flag is set; the others close up and keep their order.
  void Remove(const std::vector<char>& removed, ThreadPool* pool) {
    std::vector<int64_t> gone, rest;
    for (int64_t i = 0; i < entries; ++i) (removed[i] ? gone : rest).push_back(i);
    const auto b = static_cast<int64_t>(gone.size()), r = static_cast<int64_t>(rest.size());
    std::vector<double> q(b * b), panel(r * b), solved(b * r), gone_rows(b * outputs);
    for (int64_t i = 0; i < b; ++i) {
      for (int64_t j = 0; j < b; ++j) q[i * b + j] = InverseRow(gone[i])[gone[j]];
      std::copy_n(Row(gone[i]), outputs, gone_rows.data() + i * outputs);
    }
    for (int64_t i = 0; i < r; ++i) {
      for (int64_t j = 0; j < b; ++j)
        panel[i * b + j] = solved[j * r + i] = InverseRow(rest[i])[gone[j]];
    }
    FactorRobustly(b, q);
    SolveSmall(b, q.data(), b, r, solved.data(), r);
    SolveSmall(b, q.data(), b, outputs, gone_rows.data(), outputs);
    CloseUp(rest);
    Multiply(pool, r, r, b, -1.0, {panel.data(), b}, {solved.data(), r}, 1.0, inverse.data(),
             stride);
    Multiply(pool, r, outputs, b, -1.0, {panel.data(), b}, {gone_rows.data(), outputs}, 1.0,
             rows.data(), outputs);
  }

  void CloseUp(const std::vector<int64_t>& rest) {
    entries = static_cast<int64_t>(rest.size());
    for (int64_t i = 0; i < entries; ++i) {
      const double* from = InverseRow(rest[i]);
      double* to = inverse.data() + i * stride;
      for (int64_t j = 0; j < entries; ++j) to[j] = from[rest[j]];
      if (i != rest[i]) std::copy_n(Row(rest[i]), outputs, rows.data() + i * outputs);
    }
  }
};

std::vector<char> Flags(int64_t entries, const std::vector<LiveGroup>& groups) {
  std::vector<char> flags(entries);
  for (const LiveGroup& g : groups) std::fill_n(flags.begin() + g.offset, g.size, 1);
  return flags;
}

int64_t EntriesOf(const std::vector<LiveGroup>& groups) {
  int64_t entries = 0;
  for (const LiveGroup& g : groups) entries += g.size;
  return entries;
}

// Cost per entry, which lets a shorter last group compete fairly, or per what entries save.
std::vector<double> Scores(const Surgeon& surgeon, const std::vector<LiveGroup>& live,
                           ThreadPool* pool) {
  std::vector<double> scores(live.size());
  const auto run = [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) scores[i] = surgeon.Cost(live[i]) / live[i].worth;
  };
  const bool worth_it = surgeon.entries * surgeon.outputs > (int64_t{1} << 21);
  ParallelFor(worth_it ? pool : nullptr, static_cast<int64_t>(live.size()), run);
  return scores;
}

// Greedy removal of `take` groups out of a small pool: each with its cost once the earlier ones are
// gone, so that two copies of one input are not both thought to be cheap.
std::vector<std::pair<int64_t, double>> Greedy(Surgeon surgeon, std::vector<LiveGroup> pool,
                                               int64_t take) {
  std::vector<std::pair<int64_t, double>> picked;
  while (true) {
    const std::vector<double> scores = Scores(surgeon, pool, nullptr);
    const auto best = std::min_element(scores.begin(), scores.end()) - scores.begin();
    const LiveGroup g = pool[best];
    picked.emplace_back(g.index, scores[best] * g.worth);
    if (static_cast<int64_t>(picked.size()) == take) return picked;
    surgeon.Remove(Flags(surgeon.entries, {g}), nullptr);
    pool.erase(pool.begin() + best);
    for (LiveGroup& other : pool) other.offset -= other.offset > g.offset ? g.size : 0;
  }
}

Result<Surgeon> Refit(const RankingProblem& problem, const std::vector<int64_t>& entry) {
  const LayerStatistics& s = problem.statistics;
  const auto k = static_cast<int64_t>(entry.size());
  Surgeon surgeon;
  surgeon.entries = surgeon.stride = k;
  surgeon.outputs = problem.weights.rows;
  Matrix gram = Submatrix(s.gram, &entry, &entry);
  const Matrix weights = Submatrix(problem.weights, nullptr, &entry);
  Matrix residual = Submatrix(s.cross, nullptr, &entry);
  Multiply(problem.pool, weights.rows, k, k, -1.0, Block(weights), Block(gram), 1.0,
           residual.data.data(), k);
  DEFTNN_ASSIGN_OR_RETURN(Cholesky factor, Cholesky::FactorDamped(std::move(gram), problem.lambda));
  factor.SolveRows(problem.pool, weights.rows, residual.data.data());
  surgeon.inverse = std::move(factor).Inverse().data;
  surgeon.rows.resize(k * surgeon.outputs);
  for (int64_t o = 0; o < surgeon.outputs; ++o) {
    for (int64_t i = 0; i < k; ++i)
      surgeon.rows[i * surgeon.outputs + o] = weights.at(o, i) + residual.at(o, i);
  }
  return surgeon;
}

// The groups of the next removal, in order, with their costs.
std::vector<std::pair<int64_t, double>> NextBatch(const Surgeon& surgeon,
                                                  const std::vector<LiveGroup>& live, double step,
                                                  ThreadPool* pool) {
  const std::vector<double> scores = Scores(surgeon, live, pool);
  const auto groups = static_cast<int64_t>(live.size());
  int64_t take = 1;
  if (surgeon.entries > kExactEntries)
    take = std::clamp<int64_t>(static_cast<int64_t>(step * static_cast<double>(groups)), 1, groups);
  std::vector<int64_t> rank(groups);
  std::iota(rank.begin(), rank.end(), int64_t{0});
  const int64_t candidates = take == 1 ? 1 : std::min(groups, 2 * take);
  std::partial_sort(rank.begin(), rank.begin() + candidates, rank.end(), [&](int64_t a, int64_t b) {
    return scores[a] != scores[b] ? scores[a] < scores[b] : a < b;
  });
  if (take == 1) return {{live[rank[0]].index, scores[rank[0]] * live[rank[0]].worth}};
  rank.resize(candidates);
  std::sort(rank.begin(), rank.end());
  std::vector<LiveGroup> few;
  for (const int64_t i : rank) few.push_back(live[i]);
  Surgeon part = surgeon.Part(few);
  return Greedy(std::move(part), std::move(few), take);
}

Result<EliminationOrder> Rank(const RankingProblem& problem) {
  std::vector<int64_t> entry;
  std::vector<LiveGroup> live;
  for (size_t g = 0; g < problem.groups.size(); ++g) {
    const std::vector<int64_t>& group = problem.groups[g];
    live.push_back(
        {static_cast<int64_t>(g), static_cast<int64_t>(entry.size()),
         static_cast<int64_t>(group.size()),
         static_cast<double>(group.size()) * (problem.savings.empty() ? 1.0 : problem.savings[g])});
    entry.insert(entry.end(), group.begin(), group.end());
  }
  EliminationOrder order;
  if (live.empty()) return order;
  DEFTNN_ASSIGN_OR_RETURN(Surgeon surgeon, Refit(problem, entry));
  double total = 0;
  while (true) {
    const auto batch = NextBatch(surgeon, live, problem.step, problem.pool);
    std::vector<char> chosen(problem.groups.size());
    for (const auto& [index, cost] : batch) {
      order.groups.push_back(index);
      order.cost.push_back(total += cost);
      chosen[index] = 1;
    }
    std::vector<LiveGroup> gone, rest;
    for (const LiveGroup& g : live) (chosen[g.index] ? gone : rest).push_back(g);
    if (rest.empty()) return order;
    if (surgeon.entries - EntriesOf(gone) <= problem.fewest) {
      for (const LiveGroup& g : rest) {
        order.groups.push_back(g.index);
        order.cost.push_back(total);
      }
      return order;
    }
    surgeon.Remove(Flags(surgeon.entries, gone), problem.pool);
    int64_t offset = 0;
    for (LiveGroup& g : rest) offset = (g.offset = offset) + g.size;
    live = std::move(rest);
  }
}

}  // namespace

extern const Criterion kObs;
const Criterion kObs = {
    "obs", "greedy optimal brain surgeon: least growth of the outputs' squared error", Rank};

}  // namespace deftnn
