#include "deftnn/onnx/unsupported.h"

#include <map>
#include <vector>

#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

/// "domain.op" -> the name of the first node of it.
using Unsupported = std::map<std::string, std::string>;

std::string OneNodesName(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  return node.output_size() > 0 ? node.output(0) : std::string();
}

void Collect(const onnx::GraphProto& graph, int opset, Unsupported& found) {
  for (const auto& node : graph.node()) {
    const bool standard = IsOnnxDomain(node.domain());
    const OpDef* op = standard ? FindOp("", node.op_type()) : nullptr;
    if (op == nullptr || op->first_opset > opset) {
      const std::string_view domain = standard ? "ai.onnx" : std::string_view(node.domain());
      found.emplace(fmt::format("{}.{}", domain, node.op_type()), OneNodesName(node));
    }
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) Collect(attribute.g(), opset, found);
      for (const auto& subgraph : attribute.graphs()) Collect(subgraph, opset, found);
    }
  }
}

}  // namespace

Status RefuseUnsupported(const onnx::GraphProto& graph, int opset) {
  Unsupported found;
  Collect(graph, opset, found);
  if (found.empty()) return {};
  std::vector<std::string> items;
  for (const auto& [op, node] : found) items.push_back(fmt::format("{} (node '{}')", op, node));
  return Error("{} of its operators {} not supported (opset {}): {}", found.size(),
               found.size() == 1 ? "is" : "are", opset, fmt::join(items, ", "));
}

}  // namespace deftnn
