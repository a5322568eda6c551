#include "deftnn/sve/criteria/criterion.h"

#include <algorithm>
#include <numeric>

namespace deftnn {

#define DEFTNN_CRITERION(object) extern const Criterion object;
#include "deftnn/sve/criteria/criteria.inc"
#undef DEFTNN_CRITERION

std::span<const Criterion> Criteria() {
  static const std::vector<Criterion> all = {
#define DEFTNN_CRITERION(object) object,
#include "deftnn/sve/criteria/criteria.inc"
#undef DEFTNN_CRITERION
  };
  return all;
}

Result<const Criterion*> FindCriterion(std::string_view name) {
  std::string known;
  for (const Criterion& criterion : Criteria()) {
    if (criterion.name == name) return &criterion;
    known += (known.empty() ? "" : ", ") + std::string(criterion.name);
  }
  return Error("no criterion is called '{}'", name).WithHint("one of " + known);
}

EliminationOrder RisingOrder(const std::vector<double>& scores) {
  EliminationOrder order;
  order.groups.resize(scores.size());
  std::iota(order.groups.begin(), order.groups.end(), int64_t{0});
  std::stable_sort(order.groups.begin(), order.groups.end(),
                   [&](int64_t a, int64_t b) { return scores[a] < scores[b]; });
  for (const int64_t g : order.groups) order.cost.push_back(scores[g]);
  return order;
}

}  // namespace deftnn
