#include "deftnn/analysis/gram.h"

#include <algorithm>
#include <cmath>

#include "deftnn/analysis/row_blocks.h"

namespace deftnn {
namespace {

bool AllFinite(const float* values, int64_t count) {
  // x - x is 0 for a finite x and NaN otherwise, and sums of zeros and NaN tell which.
  constexpr int64_t kSums = 16;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t j = 0; j < kSums; ++j) sums[j] += values[i + j] - values[i + j];
  for (; i < count; ++i) sums[0] += values[i] - values[i];
  return std::all_of(sums, sums + kSums, [](float sum) { return sum == 0; });
}

std::vector<double> ColumnMeans(int64_t rows, int64_t cols, const float* values) {
  std::vector<double> mean(cols);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) mean[c] += values[r * cols + c];
  for (double& m : mean) m /= static_cast<double>(rows);
  return mean;
}

// deviations = values - shift, their sums, and, unless null, the sums of their squares.
void Centre(ThreadPool* pool, int64_t rows, const float* values, const std::vector<double>& shift,
            double* deviations, std::vector<double>& sum, std::vector<double>* squares) {
  const auto cols = static_cast<int64_t>(shift.size());
  std::vector<double> sums(squares == nullptr ? cols : 2 * cols);
  AddRowBlocks(pool, rows, sums, [&](int64_t begin, int64_t end, double* part) {
    for (int64_t r = begin; r < end; ++r) {
      const float* from = values + r * cols;
      double* to = deviations + r * cols;
      for (int64_t c = 0; c < cols; ++c) part[c] += to[c] = from[c] - shift[c];
      if (squares == nullptr) continue;
      for (int64_t c = 0; c < cols; ++c) part[cols + c] += to[c] * to[c];
    }
  });
  for (int64_t c = 0; c < cols; ++c) {
    sum[c] += sums[c];
    if (squares != nullptr) (*squares)[c] += sums[cols + c];
  }
}

void Append(std::vector<double>& state, const std::vector<double>& values) {
  state.insert(state.end(), values.begin(), values.end());
}

std::vector<double> Take(std::span<const double>& state, size_t count) {
  std::vector<double> out(state.begin(), state.begin() + static_cast<std::ptrdiff_t>(count));
  state = state.subspan(count);
  return out;
}

}  // namespace

Result<GramAccumulator> GramAccumulator::Create(const GramShape& shape, ThreadPool* pool) {
  if (shape.inputs < 1 || shape.targets < 0)
    return Error("a layer with {} inputs and {} outputs", shape.inputs, shape.targets);
  if (shape.inputs > (int64_t{1} << 24) || GramBytes(shape.inputs) > kMaxGramBytes) {
    return Error("{} inputs: their Gram matrix would exceed {} MiB", shape.inputs,
                 kMaxGramBytes >> 20)
        .WithHint("leave this layer dense");
  }
  GramAccumulator a;
  a.inputs_ = shape.inputs;
  a.targets_ = shape.targets;
  a.block_rows_ = shape.inputs >= 2048 ? 512 : 1024;
  a.pool_ = pool;
  a.sum_x_.resize(a.inputs_);
  a.sum_y_.resize(a.targets_);
  a.square_y_.resize(a.targets_);
  a.gram_ = Matrix(a.inputs_, a.inputs_);
  a.cross_ = Matrix(a.targets_, a.inputs_);
  return a;
}

Status GramAccumulator::Add(int64_t rows, const float* x, const float* y) {
  DEFTNN_CHECK((y != nullptr) == (targets_ > 0) || rows == 0);
  if (!AllFinite(x, rows * inputs_) || (y && !AllFinite(y, rows * targets_))) {
    return Error("the layer's calibration inputs hold a value that is not finite")
        .WithHint("check the data and the model for NaN and overflow");
  }
  pending_x_.resize(block_rows_ * inputs_);
  pending_y_.resize(block_rows_ * targets_);
  while (rows > 0) {
    const int64_t take = std::min(rows, block_rows_ - pending_);
    std::copy(x, x + take * inputs_, pending_x_.begin() + pending_ * inputs_);
    x += take * inputs_;
    if (y) {
      std::copy(y, y + take * targets_, pending_y_.begin() + pending_ * targets_);
      y += take * targets_;
    }
    pending_ += take;
    rows -= take;
    if (pending_ == block_rows_) Flush();
  }
  return {};
}

void GramAccumulator::Flush() {
  const int64_t n = pending_;
  if (n == 0) return;
  if (count_ == 0) {
    shift_x_ = ColumnMeans(n, inputs_, pending_x_.data());
    shift_y_ = ColumnMeans(n, targets_, pending_y_.data());
  }
  block_x_.resize(block_rows_ * inputs_);
  block_y_.resize(block_rows_ * targets_);
  Centre(pool_, n, pending_x_.data(), shift_x_, block_x_.data(), sum_x_, nullptr);
  AddGramUpper(pool_, n, inputs_, block_x_.data(), gram_.data.data());
  if (targets_ > 0) {
    Centre(pool_, n, pending_y_.data(), shift_y_, block_y_.data(), sum_y_, &square_y_);
    AddCross(pool_, n, targets_, inputs_, block_y_.data(), block_x_.data(), cross_.data.data());
  }
  count_ += n;
  pending_ = 0;
}

std::vector<double> GramAccumulator::State() {
  Flush();
  std::vector<double> state = {static_cast<double>(inputs_), static_cast<double>(targets_),
                               static_cast<double>(count_)};
  if (count_ == 0) return state;
  for (const std::vector<double>* part :
       {&shift_x_, &sum_x_, &shift_y_, &sum_y_, &square_y_, &gram_.data, &cross_.data}) {
    Append(state, *part);
  }
  return state;
}

Status GramAccumulator::Merge(GramAccumulator& other) {
  const std::vector<double> state = other.State();
  return MergeState(state);
}

Status GramAccumulator::MergeState(std::span<const double> state) {
  Flush();
  if (state.size() < 3 || state[0] != static_cast<double>(inputs_) ||
      state[1] != static_cast<double>(targets_) || !(state[2] >= 0 && state[2] < 0x1p53)) {
    return Error("statistics of another layer cannot be merged");
  }
  const auto other_count = static_cast<int64_t>(state[2]);
  const int64_t k = inputs_, o = targets_;
  state = state.subspan(3);
  if (other_count == 0) return {};
  if (static_cast<int64_t>(state.size()) != 2 * k + 3 * o + k * k + o * k)
    return Error("merged statistics are cut off");
  const std::vector<double> shift_x = Take(state, k);
  std::vector<double> sum_x = Take(state, k);
  const std::vector<double> shift_y = Take(state, o);
  std::vector<double> sum_y = Take(state, o), square_y = Take(state, o);
  const std::span<const double> gram = state.subspan(0, k * k), cross = state.subspan(k * k);
  if (count_ == 0) {
    shift_x_ = shift_x;
    shift_y_ = shift_y;
  }
  // Their deviations about our shift are (x - theirs) + d, with d = theirs - ours.
  const auto n = static_cast<double>(other_count);
  std::vector<double> dx(k), dy(o);
  for (int64_t i = 0; i < k; ++i) dx[i] = shift_x[i] - shift_x_[i];
  for (int64_t i = 0; i < o; ++i) dy[i] = shift_y[i] - shift_y_[i];
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = i; j < k; ++j)
      gram_.at(i, j) += gram[i * k + j] + sum_x[i] * dx[j] + dx[i] * sum_x[j] + n * dx[i] * dx[j];
  }
  for (int64_t i = 0; i < o; ++i) {
    for (int64_t j = 0; j < k; ++j)
      cross_.at(i, j) += cross[i * k + j] + sum_y[i] * dx[j] + dy[i] * sum_x[j] + n * dy[i] * dx[j];
    square_y_[i] += square_y[i] + 2 * sum_y[i] * dy[i] + n * dy[i] * dy[i];
    sum_y_[i] += sum_y[i] + n * dy[i];
  }
  for (int64_t i = 0; i < k; ++i) sum_x_[i] += sum_x[i] + n * dx[i];
  count_ += other_count;
  return {};
}

Result<LayerStatistics> GramAccumulator::Finish() {
  Flush();
  if (count_ == 0) return Error("no calibration sample reached this layer");
  const auto n = static_cast<double>(count_);
  LayerStatistics out;
  out.count = count_;
  // Deviations from the shift have a mean of their own, e; centred moments are E[..] - e e^T.
  std::vector<double> ex(inputs_), ey(targets_);
  for (int64_t i = 0; i < inputs_; ++i) ex[i] = sum_x_[i] / n;
  for (int64_t i = 0; i < targets_; ++i) ey[i] = sum_y_[i] / n;
  for (int64_t i = 0; i < inputs_; ++i) out.mean.push_back(shift_x_[i] + ex[i]);
  out.gram = gram_;
  for (int64_t i = 0; i < inputs_; ++i) {
    double* row = out.gram.row(i);
    for (int64_t j = i; j < inputs_; ++j) row[j] = row[j] / n - ex[i] * ex[j];
    row[i] = std::max(0.0, row[i]);
  }
  Mirror(out.gram);
  if (targets_ > 0) {
    out.cross = cross_;
    for (int64_t i = 0; i < targets_; ++i) {
      out.target_mean.push_back(shift_y_[i] + ey[i]);
      out.target_variance.push_back(std::max(0.0, square_y_[i] / n - ey[i] * ey[i]));
      double* row = out.cross.row(i);
      for (int64_t j = 0; j < inputs_; ++j) row[j] = row[j] / n - ey[i] * ex[j];
    }
  }
  DEFTNN_RETURN_IF_ERROR(CheckStatistics(out));
  return out;
}

}  // namespace deftnn
