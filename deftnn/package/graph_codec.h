// A graph as the bytes of a graph section, its tensors' contents in a data section.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deftnn/graph/graph.h"

namespace deftnn::deft {

/// Subgraphs within subgraphs, the outermost graph included.
inline constexpr int kMaxDepth = 32;

struct EncodedGraph {
  std::string graph;             // the graph section
  std::vector<Tensor> contents;  // the data section: each in a slot of ConstantSlot(bytes())
  uint64_t data_size = 0;
};

/// Errors: a subgraph that is missing or nested deeper than kMaxDepth, a name or list of 2^32 bytes
/// or more.
Result<EncodedGraph> EncodeGraph(const Graph& graph);

/// Tensors are read in place: `owner` keeps `data` alive. Every count, id, offset and name is
/// checked; the graph that is returned passes Verify.
Result<Graph> DecodeGraph(std::span<const std::byte> graph, std::span<const std::byte> data,
                          const std::shared_ptr<const void>& owner);

}  // namespace deftnn::deft
