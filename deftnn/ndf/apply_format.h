// Near-compute data fission at the level of the graph: which format each product's weights are kept
// in. A product with bfloat16 weights reads its input in DFP16 too; the plan lets the activations
// follow.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "deftnn/graph/graph.h"
#include "deftnn/ndf/formats/format.h"

namespace deftnn {

/// A format for each product and depthwise convolution: one for all, but for those nodes that it
/// would harm.
struct FormatChoice {
  Format common = Format::kFp32;
  std::set<std::string, std::less<>> in_fp32;  // names of nodes that stay in fp32 all the same

  FormatChoice() = default;
  // One format for all is a choice.
  FormatChoice(Format format) : common(format) {}  // NOLINT(google-explicit-constructor)

  Format of(std::string_view node) const { return in_fp32.contains(node) ? Format::kFp32 : common; }
  Format of(const Node& node) const { return of(std::string_view(node.name)); }
  bool all_fp32() const { return common == Format::kFp32; }
  bool operator==(const FormatChoice&) const = default;
};

/// "fp32", "dfp16", or "mixed" where some nodes stay in fp32.
std::string NameOf(const FormatChoice& choice);

/// Whether the node is a product or a depthwise convolution, whose weights have a format.
bool HasFormat(const Node& node);

/// The graph with the weights of every product and depthwise convolution in the format that is
/// chosen for it, rounded to nearest even.
Result<Graph> ApplyFormat(const Graph& graph, const FormatChoice& choice);

/// The format that a product's or depthwise convolution's weights are kept in.
Format WeightFormat(const Graph& graph, const Node& node);

/// The choice that a graph has been given.
FormatChoice FormatsOf(const Graph& graph);

}  // namespace deftnn
