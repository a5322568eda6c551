#include "onnx_writer.h"

#include <onnx/onnx_pb.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace fashion {
namespace {

constexpr int64_t kOpset = 13;
constexpr int64_t kIrVersion = 8;

void SetInts(onnx::NodeProto* node, const char* name, const std::vector<int64_t>& values) {
  onnx::AttributeProto* a = node->add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::INTS);
  for (int64_t v : values) a->add_ints(v);
}

void SetInt(onnx::NodeProto* node, const char* name, int64_t value) {
  onnx::AttributeProto* a = node->add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::INT);
  a->set_i(value);
}

void SetFloat(onnx::NodeProto* node, const char* name, float value) {
  onnx::AttributeProto* a = node->add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::FLOAT);
  a->set_f(value);
}

// Describes a float tensor whose first dimension is the free batch size "N".
void DescribeBatch(onnx::ValueInfoProto* info, const std::string& name,
                   const std::vector<int64_t>& rest) {
  info->set_name(name);
  auto* type = info->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_param("N");
  for (int64_t d : rest) type->mutable_shape()->add_dim()->set_dim_value(d);
}

}  // namespace

struct OnnxWriter::Impl {
  onnx::ModelProto model;
  std::string last = "image";  // the tensor that the next node reads

  onnx::NodeProto* AddNode(const std::string& op, const std::string& layer) {
    onnx::NodeProto* node = model.mutable_graph()->add_node();
    node->set_op_type(op);
    node->set_name(layer);
    node->add_input(last);
    last = layer + ".out";
    node->add_output(last);
    return node;
  }

  void AddWeight(onnx::NodeProto* node, const std::string& name, const FloatTensor& tensor) {
    onnx::TensorProto* t = model.mutable_graph()->add_initializer();
    t->set_name(name);
    t->set_data_type(onnx::TensorProto::FLOAT);
    for (int64_t d : tensor.dims) t->add_dims(d);
    // raw_data is little-endian, as is every machine that Debian's libtorch is built for here.
    t->set_raw_data(tensor.values.data(), tensor.values.size() * sizeof(float));
    node->add_input(name);
  }
};

OnnxWriter::OnnxWriter(const std::string& graph_name, int64_t channels, int64_t side)
    : impl_(std::make_unique<Impl>()) {
  impl_->model.set_ir_version(kIrVersion);
  impl_->model.set_producer_name("deftnn fashion_mnist trainer");
  impl_->model.add_opset_import()->set_version(kOpset);
  onnx::GraphProto* graph = impl_->model.mutable_graph();
  graph->set_name(graph_name);
  DescribeBatch(graph->add_input(), "image", {channels, side, side});
}

OnnxWriter::~OnnxWriter() = default;

void OnnxWriter::Conv(const std::string& layer, const FloatTensor& weight, int64_t pad) {
  onnx::NodeProto* node = impl_->AddNode("Conv", layer);
  impl_->AddWeight(node, layer + ".weight", weight);
  SetInts(node, "kernel_shape", {weight.dims.at(2), weight.dims.at(3)});
  SetInts(node, "pads", {pad, pad, pad, pad});
  SetInts(node, "strides", {1, 1});
}

void OnnxWriter::BatchNorm(const std::string& layer, const FloatTensor& scale,
                           const FloatTensor& bias, const FloatTensor& mean, const FloatTensor& var,
                           float epsilon) {
  onnx::NodeProto* node = impl_->AddNode("BatchNormalization", layer);
  impl_->AddWeight(node, layer + ".scale", scale);
  impl_->AddWeight(node, layer + ".bias", bias);
  impl_->AddWeight(node, layer + ".mean", mean);
  impl_->AddWeight(node, layer + ".var", var);
  SetFloat(node, "epsilon", epsilon);
}

void OnnxWriter::Relu(const std::string& layer) { impl_->AddNode("Relu", layer); }

void OnnxWriter::MaxPool2x2(const std::string& layer) {
  onnx::NodeProto* node = impl_->AddNode("MaxPool", layer);
  SetInts(node, "kernel_shape", {2, 2});
  SetInts(node, "strides", {2, 2});
}

void OnnxWriter::Flatten(const std::string& layer) {
  SetInt(impl_->AddNode("Flatten", layer), "axis", 1);
}

void OnnxWriter::Gemm(const std::string& layer, const FloatTensor& weight,
                      const FloatTensor& bias) {
  onnx::NodeProto* node = impl_->AddNode("Gemm", layer);
  impl_->AddWeight(node, layer + ".weight", weight);
  impl_->AddWeight(node, layer + ".bias", bias);
  SetInt(node, "transB", 1);
}

void OnnxWriter::Save(const std::string& path, int64_t classes) {
  onnx::GraphProto* graph = impl_->model.mutable_graph();
  graph->mutable_node(graph->node_size() - 1)->set_output(0, "logits");
  DescribeBatch(graph->add_output(), "logits", {classes});

  const std::string temp = path + ".tmp";
  {
    std::ofstream out(temp, std::ios::binary | std::ios::trunc);
    if (!out) throw std::runtime_error("cannot write " + temp);
    if (!impl_->model.SerializeToOstream(&out) || !out.flush()) {
      std::remove(temp.c_str());
      throw std::runtime_error("cannot write all of " + temp + " (disk full?)");
    }
  }
  if (std::rename(temp.c_str(), path.c_str()) != 0) {
    std::remove(temp.c_str());
    throw std::runtime_error("cannot rename " + temp + " to " + path);
  }
}

}  // namespace fashion
