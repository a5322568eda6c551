#include "deftnn/data/margin.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "deftnn/base/check.h"
#include "deftnn/data/class_rows.h"

namespace deftnn {
namespace {

constexpr double kFar = 1e30;  // stands for infinite margins, of which differences can be taken
constexpr int64_t kLeastNeighbours = 8;  // on each side
constexpr int64_t kSamplesANeighbour = 32;

struct Floats {
  Tensor tensor;
  ClassRows rows;

  std::span<const float> Row(int64_t sample) const {
    return tensor.values<float>().subspan(static_cast<size_t>(sample * rows.classes),
                                          static_cast<size_t>(rows.classes));
  }
};

Result<Floats> OneRowASample(const Tensor& outputs) {
  Floats floats;
  DEFTNN_ASSIGN_OR_RETURN(floats.tensor, ToFloat32(outputs));
  DEFTNN_ASSIGN_OR_RETURN(floats.rows, ClassRowsOf(outputs.shape()));
  if (floats.rows.positions != 1) {
    return Error("an output of shape {} has {} positions a sample", ToString(outputs.shape()),
                 floats.rows.positions);
  }
  return floats;
}

}  // namespace

Result<std::vector<double>> Margins(const Tensor& outputs, std::span<const int64_t> labels) {
  DEFTNN_ASSIGN_OR_RETURN(const Floats floats, OneRowASample(outputs));
  if (floats.rows.samples != static_cast<int64_t>(labels.size()))
    return Error("the network gave {} rows for {} labels", floats.rows.samples, labels.size());
  std::vector<double> margins;
  for (int64_t s = 0; s < floats.rows.samples; ++s) {
    const int64_t label = labels[static_cast<size_t>(s)];
    DEFTNN_RETURN_IF_ERROR(CheckLabel(s, label, floats.rows));
    const std::span<const float> row = floats.Row(s);
    double others = -kFar;
    for (int64_t c = 0; c < floats.rows.classes; ++c)
      if (c != label) others = std::max(others, static_cast<double>(row[c]));
    const bool nan = std::any_of(row.begin(), row.end(), [](float v) { return std::isnan(v); });
    margins.push_back(nan ? -kFar : std::clamp(row[label] - others, -kFar, kFar));
  }
  return margins;
}

Result<std::vector<int64_t>> BestClasses(const Tensor& outputs) {
  DEFTNN_ASSIGN_OR_RETURN(const Floats floats, OneRowASample(outputs));
  std::vector<int64_t> best;
  for (int64_t s = 0; s < floats.rows.samples; ++s) {
    const std::span<const float> row = floats.Row(s);
    best.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
  return best;
}

Drop SmoothedDrop(std::span<const double> before, std::span<const double> after) {
  DEFTNN_CHECK(before.size() == after.size());
  const auto n = static_cast<int64_t>(before.size());
  std::vector<int64_t> order(before.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return before[a] < before[b]; });
  const int64_t side = std::max(kLeastNeighbours, n / kSamplesANeighbour);
  std::vector<double> was, is;
  for (int64_t i = 0; i < n; ++i) {
    const double margin = before[order[i]];
    const int64_t first = std::max<int64_t>(0, i - side), last = std::min(n, i + side + 1);
    int64_t right = 0;
    for (int64_t j = first; j < last; ++j)
      right += margin + (after[order[j]] - before[order[j]]) > 0;
    was.push_back(margin > 0 ? 100.0 : 0.0);
    is.push_back(100.0 * static_cast<double>(right) / static_cast<double>(last - first));
  }
  return PairedDrop(was, is);
}

}  // namespace deftnn
