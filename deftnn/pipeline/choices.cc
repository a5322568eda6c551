#include "deftnn/pipeline/choices.h"

#include "deftnn/data/metric.h"
#include "deftnn/sve/compensations/compensation.h"
#include "deftnn/sve/criteria/criterion.h"
#include "deftnn/sve/groupings/grouping.h"

namespace deftnn {
namespace {

template <typename List>
std::vector<std::string> NamesOf(const List& list) {
  std::vector<std::string> names;
  for (const auto& entry : list) names.emplace_back(entry.name);
  return names;
}

}  // namespace

std::vector<std::string> MetricNames() { return NamesOf(Metrics()); }
std::vector<std::string> CriterionNames() { return NamesOf(Criteria()); }
std::vector<std::string> CompensationNames() { return NamesOf(Compensations()); }

std::vector<std::string> GroupingNames() {
  std::vector<std::string> names = NamesOf(Groupings());
  names.insert(names.begin(), "auto");
  return names;
}

}  // namespace deftnn
