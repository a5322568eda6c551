#include "deftnn/sve/activation_refit.h"

#include <algorithm>
#include <cmath>

#include "deftnn/analysis/row_blocks.h"

namespace deftnn {
namespace {

constexpr int64_t kBlockRows = 1024;

// Rows less their mean.
void Centred(const float* rows, int64_t count, const std::vector<double>& mean,
             std::vector<float>& to) {
  const std::vector<float> shift(mean.begin(), mean.end());
  to.resize(count * shift.size());
  float* out = to.data();
  for (int64_t r = 0; r < count; ++r)
    for (const float m : shift) *out++ = *rows++ - m;
}

class Refit {
 public:
  Refit(const Eliminator& eliminator, const Elimination& cut, const LayerRows& rows,
        const ActivationRefitOptions& options, ThreadPool* pool)
      : statistics_(eliminator.problem().statistics),
        kept_(cut.kept_entries),
        rows_(rows),
        options_(options),
        pool_(pool),
        outputs_(eliminator.problem().outputs),
        width_(static_cast<int64_t>(kept_.size())),
        x_(Columns(rows.x, eliminator.entries(), kept_)),
        bias_(eliminator.problem().bias.begin(), eliminator.problem().bias.end()),
        lambda_(eliminator.lambda()),
        anchor_(Submatrix(eliminator.free_removals().weights, nullptr, &kept_)) {
    bias_.resize(outputs_);
    for (const int64_t entry : kept_) mean_.push_back(statistics_.mean[entry]);
  }

  Result<Elimination> Run(Elimination best) {
    Matrix gram = Submatrix(statistics_.gram, &kept_, &kept_);
    const Matrix pulled = Product(pool_, anchor_, Transposed::kNo, gram, Transposed::kNo);
    DEFTNN_ASSIGN_OR_RETURN(const Cholesky factor,
                            Cholesky::FactorDamped(std::move(gram), lambda_));
    Elimination now = best;
    double least = 0;
    for (int i = 0;; ++i) {
      DEFTNN_RETURN_IF_ERROR(Aim(now));
      const double all = distance_ + factor.lambda() * Pull(now);
      const bool better = i == 0 || all < least;
      const bool enough = i > 0 && all > (1 - options_.least_gain) * least;
      if (better) {
        least = all;
        best = now;
        best.relative_error = variance_ > 0 ? error_ / variance_ : 0;
      }
      if (enough || i == options_.iterations) return best;
      DEFTNN_ASSIGN_OR_RETURN(Matrix weights, Cross());
      for (size_t j = 0; j < weights.data.size(); ++j) weights.data[j] -= pulled.data[j];
      factor.SolveRows(pool_, outputs_, weights.data.data());
      for (size_t j = 0; j < weights.data.size(); ++j) weights.data[j] += anchor_.data[j];
      for (int64_t o = 0; o < outputs_; ++o) {
        const double offset = Dot(width_, weights.row(o), mean_.data());
        now.bias[o] = static_cast<float>(bias_[o] + aim_mean_[o] - offset);
      }
      now.weights.assign(weights.data.begin(), weights.data.end());
    }
  }

 private:
  // Sets what each sum aims at, without the bias and what is added, its mean, and how far off the
  // sums are.
  Status Aim(const Elimination& now) {
    aim_.resize(rows_.count * outputs_);
    MultiplyRows(pool_, rows_.count, outputs_, width_, x_.data(), now.weights.data(), aim_.data());
    // By output: the sum of the aims, of the original's values behind the activation, and of their
    // squares; then over all of them the squares of the error there and of d, and the rows.
    std::vector<double> sums(3 * outputs_ + 3);
    AddRowBlocks(pool_, rows_.count, sums, [&](int64_t begin, int64_t end, double* part) {
      for (int64_t r = begin; r < end; ++r) AimRow(now, r, part);
    });
    sums.back() = static_cast<double>(rows_.count);
    if (options_.sum) DEFTNN_RETURN_IF_ERROR(options_.sum(sums));
    count_ = sums.back();
    aim_mean_.assign(outputs_, 0);
    variance_ = 0;
    for (int64_t o = 0; o < outputs_; ++o) {
      aim_mean_[o] = sums[o] / count_;
      variance_ += sums[2 * outputs_ + o] / count_ - std::pow(sums[outputs_ + o] / count_, 2);
    }
    error_ = sums[3 * outputs_] / count_;
    distance_ = sums[3 * outputs_ + 1] / count_;
    return {};
  }

  // One row's aims, and its part of the sums.
  void AimRow(const Elimination& now, int64_t r, double* sums) {
    double errors = 0, distances = 0;
    for (int64_t o = 0; o < outputs_; ++o) {
      const int64_t at = r * outputs_ + o;
      const double added = rows_.added.empty() ? 0 : rows_.added[at];
      const double wanted = rows_.targets[at] + added + bias_[o];
      const double got = aim_[at] + added + now.bias[o];
      const double behind = Clamp(wanted), error = behind - Clamp(got);
      double aim = wanted;
      if (wanted <= options_.low) aim = std::min<double>(got, options_.low);
      if (wanted >= options_.high) aim = std::max<double>(got, options_.high);
      errors += error * error;
      distances += (aim - got) * (aim - got);
      aim -= added + bias_[o];
      aim_[at] = static_cast<float>(aim);
      sums[o] += aim;
      sums[outputs_ + o] += behind;
      sums[2 * outputs_ + o] += behind * behind;
    }
    sums[3 * outputs_] += errors;
    sums[3 * outputs_ + 1] += distances;
  }

  // |W' - W_S|^2.
  double Pull(const Elimination& now) const {
    double pull = 0;
    for (size_t i = 0; i < now.weights.size(); ++i)
      pull += std::pow(now.weights[i] - anchor_.data[i], 2);
    return pull;
  }

  // E[(aim - its mean)(x - mu)^T] over the kept entries: in a few stretches of rows side by side
  // where the matrix is small, by its tiles where it is large.
  Result<Matrix> Cross() const {
    constexpr int64_t kStretches = 4, kLargest = int64_t{1} << 20;
    const int64_t stretches = outputs_ * width_ <= kLargest ? kStretches : 1;
    std::vector<Matrix> parts(stretches, Matrix(outputs_, width_));
    const auto run = [&](int64_t begin, int64_t end, int) {
      for (int64_t s = begin; s < end; ++s) {
        AddStretch(rows_.count * s / stretches, rows_.count * (s + 1) / stretches,
                   stretches > 1 ? nullptr : pool_, parts[s]);
      }
    };
    ParallelFor(stretches > 1 ? pool_ : nullptr, stretches, run);
    Matrix& cross = parts[0];
    for (int64_t s = 1; s < stretches; ++s)
      for (size_t i = 0; i < cross.data.size(); ++i) cross.data[i] += parts[s].data[i];
    if (options_.sum) DEFTNN_RETURN_IF_ERROR(options_.sum(cross.data));
    for (double& value : cross.data) value /= count_;
    return std::move(cross);
  }

  void AddStretch(int64_t begin, int64_t end, ThreadPool* pool, Matrix& cross) const {
    std::vector<float> x, y;
    for (int64_t first = begin; first < end; first += kBlockRows) {
      const int64_t count = std::min(kBlockRows, end - first);
      Centred(x_.data() + first * width_, count, mean_, x);
      Centred(aim_.data() + first * outputs_, count, aim_mean_, y);
      AddCross(pool, count, outputs_, width_, y.data(), x.data(), cross.data.data());
    }
  }

  double Clamp(double value) const {
    return std::min<double>(std::max<double>(value, options_.low), options_.high);
  }

  const LayerStatistics& statistics_;
  const std::vector<int64_t> kept_;
  const LayerRows& rows_;
  const ActivationRefitOptions& options_;
  ThreadPool* const pool_;
  const int64_t outputs_, width_;
  const std::vector<float> x_;
  std::vector<double> bias_;  // of the original layer
  const double lambda_;
  const Matrix anchor_;  // what the weights were, for the kept entries
  std::vector<double> mean_;
  std::vector<float> aim_;
  std::vector<double> aim_mean_;
  double count_ = 0, variance_ = 0, error_ = 0, distance_ = 0;
};

}  // namespace

Result<Elimination> RefitThroughActivation(const Eliminator& eliminator, Elimination cut,
                                           const LayerRows& rows,
                                           const ActivationRefitOptions& options,
                                           ThreadPool* pool) {
  const int64_t k = eliminator.entries(), outputs = eliminator.problem().outputs;
  DEFTNN_CHECK(static_cast<int64_t>(rows.x.size()) == rows.count * k);
  DEFTNN_CHECK(static_cast<int64_t>(rows.targets.size()) == rows.count * outputs);
  DEFTNN_CHECK(rows.added.empty() || rows.added.size() == rows.targets.size());
  Refit refit(eliminator, cut, rows, options, pool);
  return refit.Run(std::move(cut));
}

}  // namespace deftnn
