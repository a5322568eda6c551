#include "deftnn/sve/eliminate.h"

#include <algorithm>
#include <cmath>

#include "deftnn/sve/compensations/compensation.h"

namespace deftnn {
namespace {

bool Finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

Status Check(const LayerProblem& p, const EliminationOptions& options) {
  if (p.outputs < 1 || p.layout.channels < 1 || p.layout.positions < 1)
    return Error("a layer of {} outputs, {} channels and {} kernel positions", p.outputs,
                 p.layout.channels, p.layout.positions);
  const int64_t k = p.layout.entries();
  if (static_cast<int64_t>(p.weights.size()) != p.outputs * k)
    return Error("{} weights for {} outputs of {} entries", p.weights.size(), p.outputs, k);
  if (!p.bias.empty() && static_cast<int64_t>(p.bias.size()) != p.outputs)
    return Error("{} bias values for {} outputs", p.bias.size(), p.outputs);
  if (!Finite(p.weights) || !Finite(p.bias)) return Error("a weight is not finite");
  if (p.statistics.inputs() != k)
    return Error("statistics of {} entries for a layer of {}", p.statistics.inputs(), k);
  if (p.statistics.has_targets() &&
      static_cast<int64_t>(p.statistics.target_mean.size()) != p.outputs)
    return Error("statistics of {} targets for a layer of {} outputs",
                 p.statistics.target_mean.size(), p.outputs);
  if (!(options.damping >= 0 && std::isfinite(options.damping)))
    return Error("a damping of {}", options.damping).WithHint("0.01");
  if (std::any_of(options.savings.begin(), options.savings.end(),
                  [](double s) { return !(s > 0 && std::isfinite(s)); }))
    return Error("a group that saves nothing");
  if (!(options.step > 0 && options.step <= 1))
    return Error("an elimination step of {}", options.step).WithHint("0.02");
  return CheckStatistics(p.statistics);
}

std::vector<float> ToFloat(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

double MeanDiagonal(const LayerStatistics& s, const EntryGroups& groups) {
  double sum = 0;
  int64_t count = 0;
  for (const std::vector<int64_t>& group : groups) {
    for (const int64_t k : group) sum += s.gram.at(k, k);
    count += static_cast<int64_t>(group.size());
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

// E|y + b - (W' x_S + b')|^2 = sum of var(y) - 2 tr(C_S W'^T) + tr(W' G_SS W'^T) + |offset|^2.
double Residual(const LayerStatistics& s, const std::vector<double>& old_bias,
                const Elimination& elimination, ThreadPool* pool) {
  const auto outputs = static_cast<int64_t>(old_bias.size());
  const auto kept = static_cast<int64_t>(elimination.kept_entries.size());
  Matrix w(outputs, kept);
  std::copy(elimination.weights.begin(), elimination.weights.end(), w.data.begin());
  const Matrix cross = Submatrix(s.cross, nullptr, &elimination.kept_entries);
  const Matrix gram = Submatrix(s.gram, &elimination.kept_entries, &elimination.kept_entries);
  const Matrix wg = Product(pool, w, Transposed::kNo, gram, Transposed::kNo);
  double residual = 0;
  for (int64_t o = 0; o < outputs; ++o) {
    double offset = old_bias[o] + s.target_mean[o] - static_cast<double>(elimination.bias[o]);
    for (int64_t j = 0; j < kept; ++j) offset -= w.at(o, j) * s.mean[elimination.kept_entries[j]];
    residual += s.target_variance[o] - 2 * Dot(kept, cross.row(o), w.row(o)) +
                Dot(kept, wg.row(o), w.row(o)) + offset * offset;
  }
  return std::max(0.0, residual);
}

double Ratio(const LayerStatistics& s, const std::vector<double>& old_bias,
             const Elimination& elimination, ThreadPool* pool) {
  double variance = 0;
  for (const double v : s.target_variance) variance += v;
  const double residual = Residual(s, old_bias, elimination, pool);
  if (variance > 0) return residual / variance;
  // Constant outputs: only what is left beyond float32 rounding of the bias is an error.
  double scale = 0;
  for (size_t o = 0; o < old_bias.size(); ++o)
    scale += std::pow(std::abs(old_bias[o]) + std::abs(s.target_mean[o]), 2);
  return residual <= 1e-12 * scale ? 0 : 1;
}

std::vector<double> OldBias(const LayerProblem& problem) {
  std::vector<double> bias(problem.bias.begin(), problem.bias.end());
  bias.resize(problem.outputs);
  return bias;
}

int64_t LargestGroup(const EntryGroups& groups) {
  size_t largest = 0;
  for (const std::vector<int64_t>& group : groups) largest = std::max(largest, group.size());
  return static_cast<int64_t>(largest);
}

}  // namespace

double RelativeError(const LayerProblem& problem, const Elimination& elimination,
                     const LayerStatistics& statistics, ThreadPool* pool) {
  if (statistics.has_targets()) return Ratio(statistics, OldBias(problem), elimination, pool);
  return Ratio(WithTargets(statistics, problem.weights, problem.outputs, pool), OldBias(problem),
               elimination, pool);
}

Result<Eliminator> Eliminator::Create(LayerProblem problem, EliminationOptions options,
                                      ThreadPool* pool) {
  DEFTNN_RETURN_IF_ERROR(Check(problem, options));
  DEFTNN_ASSIGN_OR_RETURN(const Criterion* criterion, FindCriterion(options.criterion));
  DEFTNN_ASSIGN_OR_RETURN(const Grouping* grouping, FindGrouping(options.grouping));
  Eliminator e;
  DEFTNN_ASSIGN_OR_RETURN(e.compensation_, FindCompensation(options.compensation));
  problem.statistics =
      WithTargets(std::move(problem.statistics), problem.weights, problem.outputs, pool);
  e.problem_ = std::make_shared<const LayerProblem>(std::move(problem));
  e.options_ = std::move(options);
  e.pool_ = pool;
  const LayerProblem& p = *e.problem_;
  e.groups_ = grouping->make(p.layout);
  if (!e.options_.savings.empty() && e.options_.savings.size() != e.groups_.size())
    return Error("{} savings for {} groups", e.options_.savings.size(), e.groups_.size());
  e.old_bias_ = OldBias(p);
  Matrix weights(p.outputs, p.layout.entries());
  std::copy(p.weights.begin(), p.weights.end(), weights.data.begin());
  if (e.options_.free_removals) {
    e.free_ = RemoveFree(p.statistics, std::move(weights), e.old_bias_, e.groups_);
  } else {
    e.free_.weights = std::move(weights);
    e.free_.bias = e.old_bias_;
  }
  std::vector<char> gone(e.groups_.size());
  for (const int64_t g : e.free_.groups) gone[g] = 1;
  std::vector<int64_t> index;
  EntryGroups candidates;
  std::vector<double> savings;
  for (size_t g = 0; g < e.groups_.size(); ++g) {
    if (gone[g]) continue;
    index.push_back(static_cast<int64_t>(g));
    candidates.push_back(e.groups_[g]);
    if (!e.options_.savings.empty()) savings.push_back(e.options_.savings[g]);
    e.paying_entries_ += static_cast<int64_t>(e.groups_[g].size());
  }
  const double mean = MeanDiagonal(p.statistics, candidates);
  e.lambda_ = mean > 0 ? e.options_.damping * mean : 1.0;
  // GroupsAt takes a whole group less where the fraction is not reached exactly.
  const auto fewest = static_cast<int64_t>(std::max(0.0, e.options_.least_fraction) *
                                           static_cast<double>(p.layout.entries())) -
                      LargestGroup(e.groups_);
  DEFTNN_ASSIGN_OR_RETURN(
      e.order_,
      criterion->rank({p.statistics, e.free_.weights, candidates, e.lambda_, e.options_.step, pool,
                       std::move(savings), std::max<int64_t>(0, fewest)}));
  for (int64_t& g : e.order_.groups) g = index[g];
  return e;
}

std::vector<int64_t> Eliminator::KeptEntries(int64_t count) const {
  std::vector<int64_t> kept;
  if (order_.groups.empty()) {
    kept = groups_.front();
  } else {
    count = std::clamp<int64_t>(count, 1, paying_groups());
    for (int64_t i = paying_groups() - count; i < paying_groups(); ++i) {
      const std::vector<int64_t>& group = groups_[order_.groups[i]];
      kept.insert(kept.end(), group.begin(), group.end());
    }
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

Result<Elimination> Eliminator::KeepGroups(int64_t count) const {
  Elimination out;
  out.kept_entries = KeptEntries(count);
  const LayerStatistics& s = problem_->statistics;
  DEFTNN_ASSIGN_OR_RETURN(
      const CompensatedWeights compensated,
      compensation_->compute({s, free_.weights, free_.bias, old_bias_, out.kept_entries,
                              paying_entries_, lambda_, pool_}));
  out.weights = ToFloat(compensated.weights.data);
  out.bias = ToFloat(compensated.bias);
  if (!Finite(out.weights) || !Finite(out.bias))
    return Error("the refitted weights are not finite").WithHint("a larger damping");
  out.relative_error = Ratio(s, old_bias_, out, pool_);
  return out;
}

int64_t Eliminator::GroupsAt(double fraction) const {
  const auto wanted = static_cast<int64_t>(
      std::llround(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(entries())));
  int64_t count = 0, kept = 0;
  for (auto it = order_.groups.rbegin(); it != order_.groups.rend(); ++it, ++count) {
    kept += static_cast<int64_t>(groups_[*it].size());
    if (kept > wanted) break;
  }
  return std::max<int64_t>(1, count);
}

Result<Elimination> Eliminator::KeepFraction(double fraction) const {
  return KeepGroups(GroupsAt(fraction));
}

Result<ErrorCurve> Eliminator::CurveOn(const std::vector<double>& fractions,
                                       const LayerStatistics* held_out) const {
  ErrorCurve curve;
  for (const double fraction : fractions) {
    DEFTNN_ASSIGN_OR_RETURN(const Elimination cut, KeepFraction(fraction));
    curve.fractions.push_back(fraction);
    curve.errors.push_back(held_out ? RelativeError(*problem_, cut, *held_out, pool_)
                                    : cut.relative_error);
  }
  return curve;
}

Result<ErrorCurve> Eliminator::Curve(const std::vector<double>& fractions) const {
  return CurveOn(fractions, nullptr);
}

Result<ErrorCurve> Eliminator::Curve(const std::vector<double>& fractions,
                                     const LayerStatistics& held_out) const {
  return CurveOn(fractions, &held_out);
}

}  // namespace deftnn
