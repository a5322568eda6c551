// What a model declares about its values.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>

#include "deftnn/base/tensor.h"

namespace deftnn {

/// Type and shape where they are said; kDynamic for dimensions left open.
struct Declared {
  ElementType type = ElementType::kUndefined;
  std::optional<Shape> shape;
};

/// Errors (without the value's name): no tensor, unknown element type, dimensions that are negative
/// or that no machine could hold.
Result<Declared> ReadValueInfoProto(const onnx::ValueInfoProto& proto);

}  // namespace deftnn
