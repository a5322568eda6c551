// Which format tensors are kept in: 16 bits wherever they are faster and harm little. Where they
// harm, allocation weighs the two formats of each node against what it can eliminate instead.
#pragma once

#include <string>
#include <vector>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/costs.h"
#include "deftnn/pipeline/format_offers.h"
#include "deftnn/pipeline/score.h"

namespace deftnn {

struct FormatSetting {
  Session& original;         // canonical, fp32
  const Dataset& selection;  // samples to choose on
  const Outputs& reference;  // what the original makes of them
  const Score& score;        // the original's
  const Yardstick& yardstick;
  std::vector<std::string> output_names;
  double allowed_points = 0;  // that the format alone may lose
  int64_t batch = 1;          // that speed is measured with
  uint64_t seed = 1;
  CostTable& costs;  // knows which of two networks is faster, or gets to know it
};

struct ChosenFormat {
  FormatChoice choice;
  std::string why_not;  // 16 bits throughout; empty where it is
  /// Where 16 bits are faster but lose too much: what they harm, the most first.
  std::vector<NodeHarm> harms;
};

/// DFP16 for all products where that is faster than fp32 and loses no more than is allowed. Where
/// it loses more, DFP16 but for as few nodes as it takes: each is tried in 16 bits alone on a few
/// samples, and those that harm the outputs most stay in fp32. fp32 where neither is faster, or
/// where half of the nodes would have to stay in it.
Result<ChosenFormat> ChooseFormat(const FormatSetting& setting);

}  // namespace deftnn
