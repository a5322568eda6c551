// What can be removed at no loss on the calibration data: constant inputs and exact copies.
#pragma once

#include <vector>

#include "deftnn/analysis/statistics.h"
#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {

/// Groups that go for free, and the weights that make up for them. Adjusted weights of removed
/// entries are 0.
struct FreeRemovals {
  std::vector<int64_t> groups;  // indices of the removed groups, rising
  int64_t constant_entries = 0;
  int64_t duplicate_entries = 0;
  Matrix weights;            // [O x K]
  std::vector<double> bias;  // [O]
};

/// A group goes when each of its entries either
///   is constant, G_kk <= 1e-13 mu_k^2 (so zero too): b += w_k mu_k; or
///   copies an entry i that stays up to a constant, G_kk = G_ii = G_ik to 1e-9 relative and
///   E[(x_k - x_i - their means)^2] <= 1e-12 G_ii: w_i += w_k, b += w_k (mu_k - mu_i).
/// Fewer than kLeastSamples samples prove nothing, and nothing is removed. `weights` [O x K],
/// `bias` [O]; `statistics` over the same K.
inline constexpr int64_t kLeastSamples = 64;
FreeRemovals RemoveFree(const LayerStatistics& statistics, Matrix weights, std::vector<double> bias,
                        const EntryGroups& groups);

}  // namespace deftnn
