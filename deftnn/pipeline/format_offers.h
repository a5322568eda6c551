// Formats that allocation may give each node, and what they lose.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "deftnn/ndf/apply_format.h"

namespace deftnn {

/// What the outputs lose with one node alone in 16 bits.
struct NodeHarm {
  std::string node;
  std::vector<double> losses;  // by way to weigh it: CurvesByLoss
};

struct FormatOffers {
  /// The network's before anything is reduced.
  FormatChoice dense;
  /// By name of a node that may be in either format, whatever it is in `dense`: what is lost with
  /// this node alone in 16 bits. Empty: formats are those of `dense`. Else nodes that are not named
  /// are in 16 bits.
  std::map<std::string, double, std::less<>> harm;

  bool open() const { return !harm.empty(); }
  /// The node's, the one that loses less first.
  std::vector<Format> Of(std::string_view node) const;
  /// Of the network that loses least: every node that may be is in fp32.
  FormatChoice Safest() const;
};

/// By loss, of which there are `losses`: the same nodes, weighed in different ways. Nodes that
/// together make up less than a thousandth of all harm are not worth two formats.
std::vector<FormatOffers> OfferFormats(const FormatChoice& dense,
                                       const std::vector<NodeHarm>& harms, size_t losses);

}  // namespace deftnn
