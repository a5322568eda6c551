// Which operators of a model have no implementation here.
#pragma once

#include <onnx/onnx_pb.h>

#include <string_view>

#include "deftnn/base/status.h"

namespace deftnn {

/// ONNX's own operators are in the domain "" or, spelled out, "ai.onnx".
inline bool IsOnnxDomain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

/// One error that lists every unsupported operator of the graph and its subgraphs, each with its
/// domain, the opset, and the name of one node.
Status RefuseUnsupported(const onnx::GraphProto& graph, int opset);

}  // namespace deftnn
