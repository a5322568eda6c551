#include "deftnn/onnx/value_info_proto.h"

#include "deftnn/graph/graph.h"
#include "deftnn/onnx/tensor_proto.h"

namespace deftnn {

Result<Declared> ReadValueInfoProto(const onnx::ValueInfoProto& proto) {
  Declared declared;
  if (!proto.has_type() || proto.type().value_case() == onnx::TypeProto::VALUE_NOT_SET) {
    return declared;
  }
  if (!proto.type().has_tensor_type()) return Error("is no tensor, which is not supported");
  const auto& tensor = proto.type().tensor_type();
  if (tensor.elem_type() != 0) {
    DEFTNN_ASSIGN_OR_RETURN(const ElementType type, ElementTypeOf(tensor.elem_type()));
    declared.type = Widened(type);
  }
  if (!tensor.has_shape()) return declared;
  if (tensor.shape().dim_size() > kMostDimensions) {
    return Error("has {} dimensions; at most {} are read", tensor.shape().dim_size(),
                 kMostDimensions);
  }
  Shape shape, smallest;
  for (const auto& dim : tensor.shape().dim()) {
    // Some exporters write an open dimension as -1.
    const bool open = !dim.has_dim_value() || dim.dim_value() == kDynamic;
    shape.push_back(open ? kDynamic : dim.dim_value());
    smallest.push_back(open ? 1 : dim.dim_value());
  }
  DEFTNN_RETURN_IF_ERROR(CheckShape(declared.type, smallest));
  declared.shape = std::move(shape);
  return declared;
}

}  // namespace deftnn
