// Builds small ONNX models for the importer's tests.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/onnx/import.h"

namespace deftnn {

/// Weights: `count` numbers of that deviation.
inline std::vector<float> Normal(Rng& rng, int64_t count, double scale) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(scale * rng.Normal());
  return values;
}

/// An opset 13 model, IR 8, that starts empty.
class ModelBuilder {
 public:
  ModelBuilder() {
    model.set_ir_version(8);
    Opset(13);
    model.mutable_graph()->set_name("test");
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  void Opset(int version) {
    model.clear_opset_import();
    auto* import = model.add_opset_import();
    import->set_domain("");
    import->set_version(version);
  }
  /// A dimension of -1 is left open by name.
  void Input(const std::string& name, int type, const std::vector<int64_t>& dims) {
    auto* input = graph().add_input();
    input->set_name(name);
    auto* tensor = input->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (int64_t dim : dims) {
      auto* proto = tensor->mutable_shape()->add_dim();
      if (dim == -1) {
        proto->set_dim_param("N");
      } else {
        proto->set_dim_value(dim);
      }
    }
  }
  void Output(const std::string& name) { graph().add_output()->set_name(name); }
  onnx::NodeProto* Node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = "") {
    auto* node = graph().add_node();
    node->set_op_type(op);
    if (!name.empty()) node->set_name(name);
    for (const auto& input : inputs) node->add_input(input);
    for (const auto& output : outputs) node->add_output(output);
    return node;
  }
  onnx::TensorProto* Initializer(const std::string& name, int type,
                                 const std::vector<int64_t>& dims) {
    auto* tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (int64_t dim : dims) tensor->add_dims(dim);
    return tensor;
  }
  void Floats(const std::string& name, const std::vector<int64_t>& dims,
              const std::vector<float>& values) {
    auto* tensor = Initializer(name, onnx::TensorProto::FLOAT, dims);
    for (float value : values) tensor->add_float_data(value);
  }
  void Int64s(const std::string& name, const std::vector<int64_t>& values) {
    auto* tensor =
        Initializer(name, onnx::TensorProto::INT64, {static_cast<int64_t>(values.size())});
    for (int64_t value : values) tensor->add_int64_data(value);
  }
  std::string Bytes() const { return model.SerializeAsString(); }
  Result<Graph> Import(const std::string& folder = "") const {
    const std::string bytes = Bytes();
    return ImportOnnxBytes(std::as_bytes(std::span(bytes)), folder);
  }

  onnx::ModelProto model;
};

}  // namespace deftnn
