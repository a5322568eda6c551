#include "deftnn/pipeline/merge_statistics.h"

namespace deftnn {
namespace {

// Mean moments around the own means become sums around the common ones, which lie `rows` and
// `cols` away.
void Recentre(Matrix& moments, const std::vector<double>& rows, const std::vector<double>& cols,
              double count) {
  for (int64_t i = 0; i < moments.rows; ++i) {
    double* row = moments.row(i);
    for (int64_t j = 0; j < moments.cols; ++j) row[j] = count * (row[j] + rows[i] * cols[j]);
  }
}

Status SumAndDivide(ProcessGroup& group, std::vector<double>& values, double count) {
  DEFTNN_RETURN_IF_ERROR(group.Sum(std::span<double>(values)));
  for (double& value : values) value /= count;
  return {};
}

// Replaces a mean by that of all; gives what the own one was off by.
Result<std::vector<double>> MergeMean(ProcessGroup& group, std::vector<double>& mean, double own,
                                      double count) {
  std::vector<double> before = mean;
  for (double& value : mean) value *= own;
  DEFTNN_RETURN_IF_ERROR(SumAndDivide(group, mean, count));
  for (size_t i = 0; i < mean.size(); ++i) before[i] -= mean[i];
  return before;
}

}  // namespace

Result<Share> ShareOf(int64_t samples, int64_t unit, const Membership& membership) {
  const int64_t units = samples / unit;
  if (units < membership.size)
    return Error("{} samples are too few for {} processes", samples, membership.size);
  const int64_t begin = units * membership.rank / membership.size;
  const int64_t end = units * (membership.rank + 1) / membership.size;
  return Share{begin * unit, (end - begin) * unit};
}

Status MergeStatistics(ProcessGroup& group, LayerStatistics& statistics) {
  const double own = static_cast<double>(statistics.count);
  double count = own;
  DEFTNN_RETURN_IF_ERROR(group.Sum(std::span<double>(&count, 1)));
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> off,
                          MergeMean(group, statistics.mean, own, count));
  Recentre(statistics.gram, off, off, own);
  DEFTNN_RETURN_IF_ERROR(SumAndDivide(group, statistics.gram.data, count));
  statistics.count = static_cast<int64_t>(count);
  if (!statistics.has_targets()) return {};
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> target_off,
                          MergeMean(group, statistics.target_mean, own, count));
  for (size_t o = 0; o < target_off.size(); ++o) {
    double& variance = statistics.target_variance[o];
    variance = own * (variance + target_off[o] * target_off[o]);
  }
  DEFTNN_RETURN_IF_ERROR(SumAndDivide(group, statistics.target_variance, count));
  Recentre(statistics.cross, target_off, off, own);
  return SumAndDivide(group, statistics.cross.data, count);
}

}  // namespace deftnn
