#include "deftnn/onnx/attribute_proto.h"

#include <algorithm>
#include <cmath>

#include "deftnn/onnx/tensor_proto.h"

namespace deftnn {
namespace {

using Proto = onnx::AttributeProto;

Proto::AttributeType KindOf(const Proto& proto) {
  if (proto.has_type() && proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  return Proto::INTS;
}

}  // namespace

Result<Attribute> ReadAttributeProto(const Proto& proto, ExternalData& external) {
  if (!proto.ref_attr_name().empty()) return Error("refers to an attribute of a function");
  switch (KindOf(proto)) {
    case Proto::FLOAT:
      if (std::isnan(proto.f())) return Error("is NaN");
      return Attribute(proto.f());
    case Proto::INT:
      return Attribute(static_cast<int64_t>(proto.i()));
    case Proto::STRING:
      return Attribute(proto.s());
    case Proto::TENSOR: {
      DEFTNN_ASSIGN_OR_RETURN(Tensor tensor, ReadTensorProto(proto.t(), external));
      return Attribute(std::move(tensor));
    }
    case Proto::FLOATS: {
      std::vector<float> values(proto.floats().begin(), proto.floats().end());
      const auto is_nan = [](float value) { return std::isnan(value); };
      if (std::any_of(values.begin(), values.end(), is_nan)) return Error("holds NaN");
      return Attribute(std::move(values));
    }
    case Proto::INTS:
      return Attribute(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
    case Proto::STRINGS:
      return Attribute(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    default:
      return Error("is of a kind that is not supported (a subgraph, sparse tensor or type)");
  }
}

}  // namespace deftnn
