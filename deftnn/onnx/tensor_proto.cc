#include "deftnn/onnx/tensor_proto.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace deftnn {
namespace {

Result<Shape> ReadShape(const onnx::TensorProto& proto, ElementType type) {
  if (proto.dims_size() > kMostDimensions) {
    return Error("has {} dimensions; at most {} are read", proto.dims_size(), kMostDimensions);
  }
  Shape shape(proto.dims().begin(), proto.dims().end());
  DEFTNN_RETURN_IF_ERROR(CheckShape(type, shape));
  return shape;
}

Status WrongSize(const Shape& shape, int64_t stored, std::string_view unit, int64_t needed) {
  return Error("holds {} {} where its shape {} needs {}", stored, unit, ToString(shape), needed);
}

/// Elements of type To out of a repeated field, one element (or one byte of packed nibbles) each.
template <typename To, typename Field>
Result<Tensor> FromField(ElementType type, const Shape& shape, const Field& field) {
  const size_t bytes = (static_cast<size_t>(ElementCount(shape)) * BitsOf(type) + 7) / 8;
  const int64_t needed = static_cast<int64_t>(bytes / sizeof(To));
  if (field.size() != needed) return WrongSize(shape, field.size(), "values", needed);
  Tensor tensor = Tensor::Zeros(type, shape);
  To* out = reinterpret_cast<To*>(tensor.mutable_data());
  for (int64_t i = 0; i < needed; ++i) out[i] = static_cast<To>(field.Get(static_cast<int>(i)));
  return tensor;
}

Result<Tensor> FromTypedField(const onnx::TensorProto& proto, ElementType type,
                              const Shape& shape) {
  switch (type) {
    case ElementType::kFloat32:
    case ElementType::kComplex64:
      return FromField<float>(type, shape, proto.float_data());
    case ElementType::kFloat64:
    case ElementType::kComplex128:
      return FromField<double>(type, shape, proto.double_data());
    case ElementType::kInt64:
      return FromField<int64_t>(type, shape, proto.int64_data());
    case ElementType::kUint64:
      return FromField<uint64_t>(type, shape, proto.uint64_data());
    case ElementType::kUint32:
      return FromField<uint32_t>(type, shape, proto.uint64_data());
    case ElementType::kInt32:
      return FromField<int32_t>(type, shape, proto.int32_data());
    default:
      break;
  }
  if (BitsOf(type) == 16) return FromField<uint16_t>(type, shape, proto.int32_data());
  return FromField<uint8_t>(type, shape, proto.int32_data());  // eight bits, or two of four
}

Result<Tensor> FromRaw(const std::string& raw, ElementType type, const Shape& shape) {
  const size_t needed = (static_cast<size_t>(ElementCount(shape)) * BitsOf(type) + 7) / 8;
  if (raw.size() != needed) {
    return WrongSize(shape, static_cast<int64_t>(raw.size()), "bytes",
                     static_cast<int64_t>(needed));
  }
  Tensor tensor = Tensor::Zeros(type, shape);
  if (needed > 0) std::memcpy(tensor.mutable_data(), raw.data(), needed);
  return tensor;
}

Result<Tensor> FromStrings(const onnx::TensorProto& proto, const Shape& shape) {
  if (proto.string_data_size() != ElementCount(shape)) {
    return WrongSize(shape, proto.string_data_size(), "strings", ElementCount(shape));
  }
  return Tensor::Strings(shape, {proto.string_data().begin(), proto.string_data().end()});
}

Result<Tensor> FromExternal(const onnx::TensorProto& proto, ExternalData& external,
                            ElementType type, const Shape& shape) {
  ExternalData::Place place;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") place.location = entry.value();
    if (entry.key() == "offset") place.offset = entry.value();
    if (entry.key() == "length") place.length = entry.value();
  }
  return external.Read(place, type, shape);
}

bool HoldsNan(const Tensor& tensor) {
  const auto any_byte = [&](auto is_nan) {
    const auto* codes = reinterpret_cast<const uint8_t*>(tensor.data());
    return std::any_of(codes, codes + tensor.bytes(), is_nan);
  };
  const auto any_value = [&](const auto* values, size_t count) {
    return std::any_of(values, values + count, [](auto value) { return std::isnan(value); });
  };
  switch (tensor.type()) {
    case ElementType::kFloat32:
    case ElementType::kComplex64:
      return any_value(reinterpret_cast<const float*>(tensor.data()), tensor.bytes() / 4);
    case ElementType::kFloat64:
    case ElementType::kComplex128:
      return any_value(reinterpret_cast<const double*>(tensor.data()), tensor.bytes() / 8);
    case ElementType::kFloat8E4M3Fn:
      return any_byte([](uint8_t code) { return (code & 0x7f) == 0x7f; });
    case ElementType::kFloat8E5M2:
      return any_byte([](uint8_t code) { return (code & 0x7f) > 0x7c; });
    case ElementType::kFloat8E4M3Fnuz:
    case ElementType::kFloat8E5M2Fnuz:
      return any_byte([](uint8_t code) { return code == 0x80; });
    default:
      return false;
  }
}

/// A byte other than 0 and 1 is no value of C++'s bool.
void MakeBoolsBool(Tensor& tensor) {
  const auto* codes = reinterpret_cast<const uint8_t*>(tensor.data());
  const size_t count = tensor.bytes();
  if (std::all_of(codes, codes + count, [](uint8_t code) { return code <= 1; })) return;
  auto* out = reinterpret_cast<uint8_t*>(tensor.mutable_data());
  for (size_t i = 0; i < count; ++i) out[i] = out[i] != 0;
}

Result<Tensor> ReadStored(const onnx::TensorProto& proto, ExternalData& external,
                          ElementType type) {
  DEFTNN_ASSIGN_OR_RETURN(const Shape shape, ReadShape(proto, type));
  if (proto.has_segment()) return Error("is cut into segments, which is not supported");
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    return FromExternal(proto, external, type, shape);
  }
  if (type == ElementType::kString) return FromStrings(proto, shape);
  if (proto.has_raw_data()) return FromRaw(proto.raw_data(), type, shape);
  return FromTypedField(proto, type, shape);
}

}  // namespace

Result<ElementType> ElementTypeOf(int onnx_number) {
  if (onnx_number <= 0 || onnx_number > static_cast<int>(ElementType::kInt4)) {
    return Error("has element type {}, which is not supported", onnx_number);
  }
  return static_cast<ElementType>(onnx_number);
}

ElementType Widened(ElementType type) {
  const bool half = type == ElementType::kFloat16 || type == ElementType::kBfloat16;
  return half ? ElementType::kFloat32 : type;
}

Result<Tensor> ReadTensorProto(const onnx::TensorProto& proto, ExternalData& external) {
  DEFTNN_ASSIGN_OR_RETURN(const ElementType type, ElementTypeOf(proto.data_type()));
  DEFTNN_ASSIGN_OR_RETURN(Tensor tensor, ReadStored(proto, external, type));
  if (type == ElementType::kBool) MakeBoolsBool(tensor);
  if (Widened(type) != type) {
    DEFTNN_ASSIGN_OR_RETURN(tensor, ToFloat32(tensor));
  }
  if (HoldsNan(tensor)) return Error("holds NaN");
  return tensor;
}

}  // namespace deftnn
