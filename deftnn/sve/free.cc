#include "deftnn/sve/free.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace deftnn {
namespace {

bool Constant(const LayerStatistics& s, int64_t k) {
  return s.gram.at(k, k) <= 1e-13 * s.mean[k] * s.mean[k];
}

bool Copies(const LayerStatistics& s, int64_t i, int64_t j) {
  const double a = s.gram.at(i, i), b = s.gram.at(j, j), c = s.gram.at(i, j);
  const double largest = std::max(a, b);
  return std::abs(a - b) <= 1e-9 * largest && std::abs(c - a) <= 1e-9 * largest &&
         std::abs(a + b - 2 * c) <= 1e-12 * largest;
}

// For each entry the first entry that it copies, itself when there is none. Copies have equal
// variances, so only neighbours in the order of variance are compared.
std::vector<int64_t> FirstCopies(const LayerStatistics& s) {
  const int64_t k = s.inputs();
  std::vector<int64_t> order, first(k);
  std::iota(first.begin(), first.end(), int64_t{0});
  for (int64_t i = 0; i < k; ++i)
    if (!Constant(s, i)) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const double va = s.gram.at(a, a), vb = s.gram.at(b, b);
    return va != vb ? va < vb : a < b;
  });
  for (size_t p = 0; p < order.size(); ++p) {
    const double limit = s.gram.at(order[p], order[p]) * (1 + 2e-9);
    for (size_t q = p + 1; q < order.size() && s.gram.at(order[q], order[q]) <= limit; ++q) {
      const int64_t i = first[order[p]], j = first[order[q]];
      if (i != j && Copies(s, order[p], order[q]))
        first[order[p]] = first[order[q]] = std::min(i, j);
    }
  }
  for (int64_t i = 0; i < k; ++i)
    while (first[first[i]] != first[i]) first[i] = first[first[i]];
  return first;
}

}  // namespace

FreeRemovals RemoveFree(const LayerStatistics& statistics, Matrix weights, std::vector<double> bias,
                        const EntryGroups& groups) {
  FreeRemovals out;
  out.weights = std::move(weights);
  out.bias = std::move(bias);
  const int64_t k = statistics.inputs(), outputs = out.weights.rows;
  if (statistics.count < kLeastSamples) return out;
  const std::vector<int64_t> first = FirstCopies(statistics);
  std::vector<int64_t> copies_left(k);  // entries that stay, by the first of their copies
  for (int64_t i = 0; i < k; ++i) ++copies_left[first[i]];
  std::vector<char> gone(k);
  // From the end, so that the first of several copies is the one that stays.
  for (auto g = static_cast<int64_t>(groups.size()) - 1; g >= 0; --g) {
    std::vector<int64_t> counted;
    bool free = true;
    for (const int64_t i : groups[g]) {
      if (Constant(statistics, i)) continue;
      counted.push_back(first[i]);
      free = free && --copies_left[first[i]] > 0;
    }
    if (!free) {
      for (const int64_t f : counted) ++copies_left[f];
      // A break above cannot happen half-way: every entry was counted.
      continue;
    }
    for (const int64_t i : groups[g]) {
      gone[i] = 1;
      ++(Constant(statistics, i) ? out.constant_entries : out.duplicate_entries);
    }
    out.groups.push_back(g);
  }
  std::reverse(out.groups.begin(), out.groups.end());
  std::vector<int64_t> stays(k, -1);  // by the first of the copies: the one that takes the weights
  for (int64_t i = k - 1; i >= 0; --i)
    if (!gone[i]) stays[first[i]] = i;
  for (int64_t i = 0; i < k; ++i) {
    if (!gone[i]) continue;
    const bool constant = Constant(statistics, i);
    const int64_t to = constant ? i : stays[first[i]];
    const double shift = statistics.mean[i] - (constant ? 0.0 : statistics.mean[to]);
    for (int64_t o = 0; o < outputs; ++o) {
      const double w = out.weights.at(o, i);
      out.bias[o] += w * shift;
      out.weights.at(o, i) = 0;
      if (!constant) out.weights.at(o, to) += w;
    }
  }
  return out;
}

}  // namespace deftnn
