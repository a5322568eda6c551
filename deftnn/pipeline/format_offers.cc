#include "deftnn/pipeline/format_offers.h"

#include <algorithm>

namespace deftnn {

namespace {

constexpr double kNegligible = 1e-3;  // of all harm

}  // namespace

std::vector<Format> FormatOffers::Of(std::string_view node) const {
  if (!open()) return {dense.of(node)};
  if (!harm.contains(node)) return {Format::kDfp16};
  return {Format::kFp32, Format::kDfp16};
}

FormatChoice FormatOffers::Safest() const {
  if (!open()) return dense;
  FormatChoice choice(Format::kDfp16);
  for (const auto& [node, loss] : harm) choice.in_fp32.insert(node);
  return choice;
}

std::vector<FormatOffers> OfferFormats(const FormatChoice& dense,
                                       const std::vector<NodeHarm>& harms, size_t losses) {
  std::vector<FormatOffers> offers(losses, {dense, {}});
  std::vector<NodeHarm> least_first = harms;
  for (size_t loss = 0; loss < losses; ++loss) {
    std::stable_sort(
        least_first.begin(), least_first.end(),
        [&](const NodeHarm& a, const NodeHarm& b) { return a.losses[loss] < b.losses[loss]; });
    double all = 0, so_far = 0;
    for (const NodeHarm& of : least_first) all += of.losses[loss];
    for (const NodeHarm& of : least_first) {
      so_far += of.losses[loss];
      if (so_far <= kNegligible * all) continue;
      for (size_t i = 0; i < losses; ++i) offers[i].harm[of.node] = of.losses[i];
    }
  }
  return offers;
}

}  // namespace deftnn
