#include <map>

#include "deftnn/base/file.h"
#include "deftnn/ndf/apply_format.h"
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
  record.producer = model.metadata_json;
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
    const int64_t group_size = node.Int("group_size", 1);
    record.layers.push_back(
        {layer.name, layer.op,
         layer.kept_k < layer.full_k ? fmt::format("groups of {}", group_size) : "", layer.full_k,
         layer.kept_k, layer.outputs, format, format, layer.macs(),
         static_cast<int64_t>(graph.Constant(node.inputs[SynapseProduct::kW])->bytes())});
  }
  if (!options.json.empty())
    DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options.json, ToJson(record)));
  return record;
}

}  // namespace deftnn
