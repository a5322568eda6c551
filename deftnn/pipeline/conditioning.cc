#include "deftnn/pipeline/conditioning.h"

#include <algorithm>

#include "deftnn/analysis/condition.h"
#include "deftnn/sve/eliminate.h"

namespace deftnn {
namespace {

constexpr size_t kMostNamed = 4;
constexpr double kKeptFraction = 0.5;

}  // namespace

std::string ConditionWarning(const std::vector<Layer>& layers,
                             const std::vector<LayerStatistics>& statistics) {
  std::string names;
  size_t count = 0;
  double shortfall = 1;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].why_not.empty()) continue;
    const Condition condition = Diagnose(statistics[i]);
    if (condition.warning.empty()) continue;
    if (++count <= kMostNamed) {
      names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", layers[i].name,
                           condition.active_inputs == 0
                               ? "its inputs never vary"
                               : fmt::format("{} rows for {} varying inputs", condition.count,
                                             condition.active_inputs));
    }
    shortfall = std::max(shortfall, 2.0 * static_cast<double>(condition.active_inputs) /
                                        static_cast<double>(std::max<int64_t>(1, condition.count)));
  }
  if (count == 0) return "";
  if (count > kMostNamed) names += fmt::format(" and {} more", count - kMostNamed);
  const std::string advice = shortfall > 1
                                 ? fmt::format(
                                       "; {:.1f} times as many calibration samples would do (more "
                                       "--calib data, and --calib-samples)",
                                       shortfall)
                                 : "; other calibration data would do";
  return fmt::format("too little to fit {} layer{} to: {}{}", count, count == 1 ? "" : "s", names,
                     advice);
}

std::vector<size_t> ShortOfRows(const std::vector<Layer>& layers,
                                const std::vector<LayerStatistics>& statistics) {
  std::vector<size_t> few;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].why_not.empty() && Diagnose(statistics[i]).damping > Method().damping)
      few.push_back(i);
  }
  return few;
}

Result<double> ChooseDamping(const LayerProblem& problem, const LayerStatistics& held_out,
                             const std::string& compensation, ThreadPool* pool) {
  const auto error_with = [&](double damping) -> Result<double> {
    EliminationOptions options;
    options.criterion = "activation";
    options.compensation = compensation;
    options.damping = damping;
    DEFTNN_ASSIGN_OR_RETURN(const Eliminator eliminator,
                            Eliminator::Create(problem, options, pool));
    DEFTNN_ASSIGN_OR_RETURN(const Elimination cut, eliminator.KeepFraction(kKeptFraction));
    return RelativeError(problem, cut, held_out, pool);
  };
  const double usual = Method().damping, advised = Diagnose(problem.statistics).damping;
  DEFTNN_ASSIGN_OR_RETURN(const double before, error_with(usual));
  DEFTNN_ASSIGN_OR_RETURN(const double after, error_with(advised));
  return after < before ? advised : usual;
}

}  // namespace deftnn
