// What a verb prints for a person: aligned tables on standard output.
#pragma once

#include <string>
#include <vector>

#include "deftnn/report/records.h"

namespace deftnn {

/// A table whose columns are as wide as their widest cell; `right` marks the columns that are
/// aligned right. Cells may hold UTF-8: one column a code point.
class TextTable {
 public:
  TextTable(std::vector<std::string> header, std::vector<bool> right);
  void Row(std::vector<std::string> cells);
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<bool> right_;
};

/// The summary, the parts, the layers (when `per_layer`), warnings and what was given up.
std::string ToText(const OptimizeRecord& record, bool per_layer = true);
std::string ToText(const TuneRecord& record);
std::string ToText(const EvalRecord& record);
std::string ToText(const BenchRecord& record);
std::string ToText(const InspectRecord& record);

}  // namespace deftnn
