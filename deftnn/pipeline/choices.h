// The names that the command line accepts, read off the lists that the code itself registers by.
#pragma once

#include <string>
#include <vector>

namespace deftnn {

std::vector<std::string> MetricNames();
std::vector<std::string> CriterionNames();
std::vector<std::string> CompensationNames();
std::vector<std::string> GroupingNames();  // with "auto"

}  // namespace deftnn
