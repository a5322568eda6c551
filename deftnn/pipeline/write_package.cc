#include "deftnn/pipeline/write_package.h"

#include <nlohmann/json.hpp>

#include "deftnn/ops/synapse_product.h"
#include "deftnn/package/package.h"
#include "deftnn/runtime/packing.h"

namespace deftnn {
namespace {

// Metadata that is the same for the same choices: no times, no paths of this machine.
std::string MetadataOf(const OptimizeRecord& record, Isa isa) {
  const nlohmann::ordered_json json = {{"created_by", "deftnn " DEFTNN_VERSION},
                                       {"goal", record.goal},
                                       {"metric", record.metric},
                                       {"criterion", record.criterion},
                                       {"compensation", record.compensation},
                                       {"group", record.group},
                                       {"format", record.optimized.format},
                                       {"seed", record.seed},
                                       {"packed_for", NameOf(isa)}};
  return json.dump();
}

}  // namespace

Status WriteOptimized(const std::string& path, const Graph& graph, const OptimizeRecord& record,
                      Isa isa) {
  return WriteNetwork(path, graph, MetadataOf(record, isa), isa);
}

Status WriteNetwork(const std::string& path, const Graph& graph, std::string metadata, Isa isa) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos,
                          InferShapes(graph, DefaultInputs(graph)));
  std::vector<PackedPart> parts;
  for (const Node& node : graph.nodes()) {
    if (!IsSynapseProduct(node)) continue;
    const Tensor* bias = node.has_input(SynapseProduct::kBias)
                             ? graph.Constant(node.inputs[SynapseProduct::kBias])
                             : nullptr;
    DEFTNN_ASSIGN_OR_RETURN(std::vector<PackedPart> packed,
                            PackProduct(node, *graph.Constant(node.inputs[SynapseProduct::kW]),
                                        *graph.Constant(node.inputs[SynapseProduct::kKept]), bias,
                                        infos[node.inputs[SynapseProduct::kX]].shape, isa,
                                        node.Int("groups", 1) == 1, nullptr, nullptr));
    std::move(packed.begin(), packed.end(), std::back_inserter(parts));
  }
  PackageContents contents{graph, std::move(metadata), {}};
  for (const PackedPart& part : parts) contents.packed[part.key] = part.product.bytes();
  return WritePackage(path, contents);
}

}  // namespace deftnn
