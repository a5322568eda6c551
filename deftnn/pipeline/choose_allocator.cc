#include "deftnn/pipeline/choose_allocator.h"

#include "deftnn/base/check.h"
#include "deftnn/base/log.h"

namespace deftnn {
namespace {

Result<double> LossOn(const SearchSetting& setting, const Outputs& reference,
                      const Candidate& candidate, const Dataset& samples) {
  DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          OpenCandidate(setting, candidate));
  DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(*session, samples));
  DEFTNN_ASSIGN_OR_RETURN(const double loss, MeanKl(reference, outputs));
  return setting.agreed ? setting.agreed(loss) : loss;
}

}  // namespace

Status ChooseAllocator(const std::vector<Allocator>& allocators, double ratio,
                       const Dataset& samples, SearchSetting& setting) {
  DEFTNN_CHECK(!allocators.empty());
  setting.allocator = &allocators.front();
  if (allocators.size() == 1) return {};
  DEFTNN_ASSIGN_OR_RETURN(const Outputs reference, RunOver(setting.original, samples));
  std::optional<Candidate> best;
  double least = 0;
  for (const Allocator& allocator : allocators) {
    const Recipe recipe = allocator.Within(allocator.DenseCost() / ratio);
    if (best && recipe == best->recipe) continue;
    DEFTNN_ASSIGN_OR_RETURN(Candidate candidate, MakeCandidate(setting, recipe));
    DEFTNN_ASSIGN_OR_RETURN(const double loss, LossOn(setting, reference, candidate, samples));
    spdlog::debug("cost ratio {:.2f}, layers' errors weighed by {}: KL divergence {:.4f}", ratio,
                  &allocator == &allocators.front() ? "KL divergence" : "distance", loss);
    if (best && !(loss < least)) continue;
    best = std::move(candidate);
    least = loss;
    setting.allocator = &allocator;
  }
  setting.made = std::move(best);
  return {};
}

}  // namespace deftnn
