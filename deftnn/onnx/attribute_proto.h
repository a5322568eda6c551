// Attributes as ONNX stores them.
#pragma once

#include <onnx/onnx_pb.h>

#include "deftnn/graph/attribute.h"
#include "deftnn/onnx/external_data.h"

namespace deftnn {

/// An int, float, string, tensor, or list of the first three. The kind is taken from which field is
/// filled where an old file doesn't say it. Errors (without the attribute's name): subgraphs,
/// sparse tensors, types, references to a function's attributes, NaN, a bad tensor.
Result<Attribute> ReadAttributeProto(const onnx::AttributeProto& proto, ExternalData& external);

}  // namespace deftnn
