// Tensors as ONNX stores them.
#pragma once

#include <onnx/onnx_pb.h>

#include "deftnn/base/tensor.h"
#include "deftnn/onnx/external_data.h"

namespace deftnn {

/// Shapes of more dimensions than this are refused.
inline constexpr int kMostDimensions = 64;

/// The element type of ONNX's number, or an error for the numbers that have none here.
Result<ElementType> ElementTypeOf(int onnx_number);

/// float16 and bfloat16 are computed in float32.
ElementType Widened(ElementType type);

/// A tensor in any storage form: raw_data, the typed fields, external data. float16 and bfloat16
/// are widened to float32. Nothing is allocated before the stored size is known to agree with the
/// shape. Errors (without the tensor's name): unknown type, bad dimensions, storage of another size
/// than the shape's, segments, NaN.
Result<Tensor> ReadTensorProto(const onnx::TensorProto& proto, ExternalData& external);

}  // namespace deftnn
