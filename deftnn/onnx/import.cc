#include "deftnn/onnx/import.h"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <climits>
#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>

#include "deftnn/base/file.h"
#include "deftnn/graph/verify.h"
#include "deftnn/onnx/attribute_proto.h"
#include "deftnn/onnx/external_data.h"
#include "deftnn/onnx/tensor_proto.h"
#include "deftnn/onnx/unsupported.h"
#include "deftnn/onnx/value_info_proto.h"
#include "deftnn/ops/constant.h"
#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

/// Messages inside messages: a graph in an attribute of a node of a graph is three.
constexpr int kRecursionLimit = 100;

Status Parse(std::span<const std::byte> bytes, onnx::ModelProto& model) {
  if (bytes.empty()) return Error("is empty");
  if (bytes.size() > static_cast<size_t>(INT_MAX)) {
    return Error("is larger than 2 GB, more than protobuf can read")
        .WithHint("save the model with external data");
  }
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(INT_MAX);
  stream.SetRecursionLimit(kRecursionLimit);
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return Error("is not an ONNX model, or is cut off");
  }
  if (!model.has_graph()) return Error("holds no graph: is it an ONNX model?");
  return {};
}

Result<int> OpsetOf(const onnx::ModelProto& model) {
  int64_t opset = 0;
  for (const auto& import : model.opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
  }
  if (opset == 0) return Error("does not say which opset of ai.onnx it uses");
  if (opset < kOldestOpset || opset > kNewestOpset) {
    return Error("uses opset {} of ai.onnx; {} to {} are read", opset, kOldestOpset, kNewestOpset)
        .WithHint("onnx.version_converter.convert_version(model, 21), or export it so");
  }
  return static_cast<int>(opset);
}

/// Walks one GraphProto into a Graph.
class Importer {
 public:
  Importer(const onnx::GraphProto& proto, int opset, const std::string& folder)
      : proto_(proto), opset_(opset), external_(folder) {}

  Result<Graph> Run() {
    graph_.name = proto_.name();
    DEFTNN_RETURN_IF_ERROR(ReadDeclarations());
    DEFTNN_RETURN_IF_ERROR(ReadInitializers());
    DEFTNN_RETURN_IF_ERROR(ReadInputs());
    // All names are taken before any node is normalised, which adds constants of its own.
    for (const auto& node : proto_.node()) DEFTNN_RETURN_IF_ERROR(DeclareOutputs(node));
    DEFTNN_RETURN_IF_ERROR(ReadOutputs());
    for (const auto& node : proto_.node()) {
      if (!IsConstantNode(node)) DEFTNN_RETURN_IF_ERROR(ReadNode(node));
    }
    DEFTNN_RETURN_IF_ERROR(graph_.SortNodes());
    DEFTNN_RETURN_IF_ERROR(Verify(graph_));
    return std::move(graph_);
  }

 private:
  static bool IsConstantNode(const onnx::NodeProto& node) {
    return node.op_type() == "Constant" && IsOnnxDomain(node.domain());
  }

  static std::string NameOfNode(const onnx::NodeProto& node) {
    if (!node.name().empty()) return node.name();
    for (const auto& output : node.output()) {
      if (!output.empty()) return fmt::format("{}_{}", node.op_type(), output);
    }
    return node.op_type();
  }

  Status ReadDeclarations() {
    for (const auto* list : {&proto_.value_info(), &proto_.output(), &proto_.input()}) {
      for (const auto& info : *list) {
        auto declared = ReadValueInfoProto(info);
        if (!declared.ok()) {
          return Error("value '{}' {}", info.name(), declared.status().reason());
        }
        declared_[info.name()] = std::move(declared).value();
      }
    }
    return {};
  }

  Result<ValueId> NewValue(const std::string& name) {
    if (ids_.count(name) != 0) return Error("makes '{}' a second time", name);
    const auto declared = declared_.find(name);
    const Declared info = declared == declared_.end() ? Declared{} : declared->second;
    return ids_[name] = graph_.AddValue(name, info.type, info.shape);
  }

  Status NewConstant(const std::string& name, Tensor tensor) {
    if (ids_.count(name) != 0) return Error("makes '{}' a second time", name);
    ids_[name] = graph_.AddConstant(name, std::move(tensor));
    return {};
  }

  Status ReadInitializers() {
    for (const auto& sparse : proto_.sparse_initializer()) {
      return Error("initializer '{}' is sparse, which is not supported", sparse.values().name());
    }
    for (const auto& initializer : proto_.initializer()) {
      const std::string& name = initializer.name();
      if (name.empty()) return Error("an initializer has no name");
      auto tensor = ReadTensorProto(initializer, external_);
      if (!tensor.ok()) {
        return Error("initializer '{}' {}", name, tensor.status().reason())
            .WithHint(tensor.status().hint());
      }
      if (ids_.count(name) != 0) return Error("initializer '{}' is there twice", name);
      DEFTNN_RETURN_IF_ERROR(NewConstant(name, std::move(tensor).value()));
    }
    return {};
  }

  Status ReadInputs() {
    std::set<std::string> seen;
    for (const auto& input : proto_.input()) {
      const std::string& name = input.name();
      if (name.empty()) return Error("an input has no name");
      if (!seen.insert(name).second) return Error("input '{}' is there twice", name);
      if (ids_.count(name) != 0) continue;  // IR 3 lists the initializers too
      if (declared_[name].type == ElementType::kUndefined) {
        return Error("input '{}' has no element type", name);
      }
      DEFTNN_ASSIGN_OR_RETURN(const ValueId id, NewValue(name));
      graph_.AddInput(id);
    }
    return {};
  }

  Status DeclareOutputs(const onnx::NodeProto& node) {
    if (IsConstantNode(node)) {
      const Status status = ReadConstantNode(node);
      return status.ok() ? status : status.WithNode(NameOfNode(node));
    }
    for (const auto& output : node.output()) {
      if (output.empty()) continue;
      const auto id = NewValue(output);
      if (!id.ok()) return id.status().WithNode(NameOfNode(node));
    }
    return {};
  }

  Status ReadConstantNode(const onnx::NodeProto& node) {
    if (node.output_size() != 1 || node.output(0).empty()) return Error("Constant has one output");
    DEFTNN_ASSIGN_OR_RETURN(const Attributes attributes, ReadAttributes(node));
    DEFTNN_ASSIGN_OR_RETURN(Tensor value, ConstantOf(attributes));
    return NewConstant(node.output(0), std::move(value));
  }

  Status ReadOutputs() {
    if (proto_.output_size() == 0) return Error("the graph has no outputs");
    std::set<std::string> seen;
    for (const auto& output : proto_.output()) {
      const auto id = ids_.find(output.name());
      if (id == ids_.end()) return Error("output '{}' is made by no node", output.name());
      if (!seen.insert(output.name()).second) {
        return Error("output '{}' is there twice", output.name());
      }
      graph_.AddOutput(id->second);
    }
    return {};
  }

  Result<Attributes> ReadAttributes(const onnx::NodeProto& node) {
    Attributes attributes;
    for (const auto& proto : node.attribute()) {
      auto attribute = ReadAttributeProto(proto, external_);
      if (!attribute.ok()) {
        return Error("attribute '{}' {}", proto.name(), attribute.status().reason())
            .WithHint(attribute.status().hint());
      }
      if (!attributes.emplace(proto.name(), std::move(attribute).value()).second) {
        return Error("attribute '{}' is there twice", proto.name());
      }
    }
    return attributes;
  }

  Status ReadNode(const onnx::NodeProto& proto) {
    Node node;
    node.name = NameOfNode(proto);
    node.op = proto.op_type();
    const Status status = FillNode(proto, node);
    if (!status.ok()) return status.WithNode(node.name);
    graph_.AddNode(std::move(node));
    return {};
  }

  Status FillNode(const onnx::NodeProto& proto, Node& node) {
    for (const auto& input : proto.input()) {
      if (input.empty()) {
        node.inputs.push_back(kNoValue);
        continue;
      }
      const auto id = ids_.find(input);
      if (id == ids_.end()) return Error("reads '{}', which nothing makes", input);
      node.inputs.push_back(id->second);
    }
    while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
    for (const auto& output : proto.output()) {
      node.outputs.push_back(output.empty() ? kNoValue : ids_.at(output));
    }
    DEFTNN_ASSIGN_OR_RETURN(node.attributes, ReadAttributes(proto));
    if (node.op == "Cast") WidenCast(node);
    const OpDef* op = FindOp("", node.op);
    DEFTNN_CHECK(op != nullptr);  // RefuseUnsupported has seen every node
    if (op->normalise == nullptr) return {};
    NormaliseContext context(graph_, node, opset_);
    return op->normalise(context);
  }

  static void WidenCast(Node& node) {
    const int64_t to = node.Int("to", 0);
    if (to == static_cast<int64_t>(ElementType::kFloat16) ||
        to == static_cast<int64_t>(ElementType::kBfloat16)) {
      node.attributes["to"] = static_cast<int64_t>(ElementType::kFloat32);
    }
  }

  const onnx::GraphProto& proto_;
  const int opset_;
  ExternalData external_;
  Graph graph_;
  std::unordered_map<std::string, Declared> declared_;
  std::unordered_map<std::string, ValueId> ids_;
};

}  // namespace

Result<Graph> ImportOnnxBytes(std::span<const std::byte> bytes, const std::string& folder) {
  onnx::ModelProto model;
  DEFTNN_RETURN_IF_ERROR(Parse(bytes, model));
  DEFTNN_ASSIGN_OR_RETURN(const int opset, OpsetOf(model));
  DEFTNN_RETURN_IF_ERROR(RefuseUnsupported(model.graph(), opset));
  return Importer(model.graph(), opset, folder).Run();
}

Result<Graph> ImportOnnx(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  auto graph = ImportOnnxBytes(file.bytes(), parent.empty() ? "." : parent.string());
  if (!graph.ok()) return graph.status().WithFile(path);
  return graph;
}

}  // namespace deftnn
