#include <map>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/onnx/header.h"
#include "deftnn/pipeline/layers.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/json.h"

namespace deftnn {
namespace {

std::vector<ValueRecord> Values(const Graph& graph, const std::vector<ValueId>& ids,
                                const std::vector<ValueInfo>& infos) {
  std::vector<ValueRecord> records;
  for (ValueId id : ids) {
    const Value& value = graph.value(id);
    records.push_back({value.name, std::string(NameOf(infos[id].type)),
                       value.shape ? DeclaredShape(*value.shape) : ToString(infos[id].shape)});
  }
  return records;
}

// What the file says about where it comes from: an .onnx in its header, a .deft in its metadata.
Status DescribeOrigin(const LoadedModel& model, InspectRecord& record) {
  if (!model.is_package) {
    DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(model.path));
    const OnnxHeader header = ReadOnnxHeader(file.bytes());
    record.opset = header.opset;
    record.producer = header.producer;
    return {};
  }
  const auto metadata = nlohmann::ordered_json::parse(model.metadata_json, nullptr, false);
  if (!metadata.is_object()) return {};
  for (const auto& [name, value] : metadata.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "created_by") {
      record.producer = text;
    } else {
      record.settings.emplace_back(name, text);
    }
  }
  return {};
}

// The grouping that a table of kept entries has in effect; "" where everything is kept.
std::string GroupOf(const Layer& layer, int64_t group_size) {
  if (layer.kept_k == layer.full_k) return "";
  switch (group_size) {
    case 1:
      return "synapse";
    case 2:
      return "pair";
    case 4:
      return "quad";
    default:
      return fmt::format("hardware{}", group_size);
  }
}

}  // namespace

Result<InspectRecord> Inspect(const InspectOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(const LoadedModel model, LoadModel(options.model));
  const Graph& graph = model.graph;
  auto inferred = InferShapes(graph, DefaultInputs(graph));
  if (!inferred.ok()) return inferred.status().WithFile(options.model);
  const std::vector<ValueInfo>& infos = *inferred;
  InspectRecord record;
  record.model = options.model;
  record.format = model.is_package ? "deft" : "onnx";
  DEFTNN_RETURN_IF_ERROR(DescribeOrigin(model, record));
  record.inputs = Values(graph, graph.inputs(), infos);
  record.outputs = Values(graph, graph.outputs(), infos);
  record.nodes = static_cast<int64_t>(graph.nodes().size());
  record.bytes = NetworkBytes(graph);
  record.macs = NetworkMacs(graph, infos);
  std::map<std::string, int64_t> operators;
  for (const Node& node : graph.nodes()) ++operators[node.op];
  record.operators.assign(operators.begin(), operators.end());
  for (const Value& value : graph.values()) {
    const ElementType type = value.constant.type();
    if (type == ElementType::kFloat32 || type == ElementType::kBfloat16)
      record.parameters += value.constant.size();
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Layer> layers, ListLayers(graph, infos));
  for (const Layer& layer : layers) {
    const Node& node = graph.node(graph.FindNode(layer.name));
    const std::string format(NameOf(WeightFormat(graph, node)));
    record.layers.push_back(
        {layer.name, layer.op, GroupOf(layer, node.Int("group_size", 1)), layer.full_k,
         layer.kept_k, layer.outputs, format, format, layer.macs(),
         static_cast<int64_t>(graph.Constant(node.inputs[SynapseProduct::kW])->bytes())});
  }
  if (!options.json.empty())
    DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options.json, ToJson(record)));
  return record;
}

}  // namespace deftnn
