#include "deftnn/pipeline/channel_order.h"

#include <algorithm>
#include <map>

#include "deftnn/passes/permute_channels.h"

namespace deftnn {
namespace {

// Kept fractions at which entries are compared.
constexpr double kCuts[] = {0.75, 0.5, 0.3};

// By input channel: what keeping its entries is worth, as a share of what keeping an entry costs.
// The optimal brain surgeon takes single entries away; an entry's price is the error that this adds
// and a cut's the price of the first entry that it keeps. What a cut keeps counts 1, what it does
// not by its price. Summed over the entries of a channel and over the cuts.
//
// Sums, because which of two entries that replace each other goes first is chance: to match
// channels position by position is to follow that.
Result<std::vector<double>> Worth(const Graph& graph, const Layer& layer,
                                  const LayerStatistics& statistics, ThreadPool& pool) {
  DEFTNN_ASSIGN_OR_RETURN(LayerProblem problem, ProblemOf(graph, layer, statistics));
  EliminationOptions options;
  options.damping = layer.damping;
  options.least_fraction = *std::min_element(std::begin(kCuts), std::end(kCuts));
  auto eliminator = Eliminator::Create(std::move(problem), std::move(options), &pool);
  if (!eliminator.ok()) return eliminator.status().WithNode(layer.name);
  const EliminationOrder& order = eliminator->order();
  const int64_t free = layer.full_k - std::ssize(order.groups);
  std::vector<double> prices(layer.full_k);  // by turn, not falling
  for (int64_t i = 0; i < std::ssize(order.cost); ++i) {
    const double added = order.cost[i] - (i == 0 ? 0 : order.cost[i - 1]);
    prices[free + i] = i == 0 ? added : std::max(added, prices[free + i - 1]);
  }
  std::vector<double> worth(layer.layout.channels);
  for (const double fraction : kCuts) {
    const auto first = static_cast<int64_t>((1 - fraction) * static_cast<double>(layer.full_k));
    for (int64_t i = 0; i < std::ssize(order.groups); ++i)
      worth[order.groups[i] % layer.layout.channels] +=
          free + i >= first ? 1 : prices[free + i] / std::max(prices[first], 1e-300);
  }
  return worth;
}

// Columns [K] that follow a new order of the channels.
std::vector<int64_t> ColumnsOf(const Layer& layer, const std::vector<int64_t>& sources) {
  std::vector<int64_t> columns;
  for (int64_t position = 0; position < layer.layout.positions; ++position)
    for (const int64_t source : sources)
      columns.push_back(position * layer.layout.channels + source);
  return columns;
}

void FollowInputs(const std::vector<int64_t>& columns, LayerStatistics& statistics) {
  if (statistics.count == 0) return;
  std::vector<double> mean;
  for (const int64_t column : columns) mean.push_back(statistics.mean[column]);
  statistics.mean = std::move(mean);
  statistics.gram = Submatrix(statistics.gram, &columns, &columns);
}

void FollowOutputs(const std::vector<int64_t>& sources, std::vector<float>& rows) {
  std::vector<float> row(sources.size());
  for (size_t begin = 0; begin < rows.size(); begin += row.size()) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = rows[begin + sources[i]];
    std::copy(row.begin(), row.end(), rows.begin() + begin);
  }
}

}  // namespace

Result<std::optional<Graph>> OrderChannels(const Graph& graph, const std::vector<ValueInfo>& infos,
                                           const std::vector<Layer>& layers, const Method& method,
                                           ThreadPool& pool,
                                           std::vector<LayerStatistics>& statistics,
                                           LayerTargets& targets) {
  bool neighbours = false;
  for (const std::string& name : method.groupings) {
    DEFTNN_ASSIGN_OR_RETURN(const Grouping* grouping, FindGrouping(name));
    neighbours = neighbours || grouping->neighbours;
  }
  if (!neighbours) return std::optional<Graph>();
  ChannelPermutation permutation(graph, infos);
  if (permutation.sets().empty()) return std::optional<Graph>();
  std::map<ChannelId, double> worth;  // to all readers together
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].why_not.empty()) continue;
    const Node& node = graph.node(graph.FindNode(layers[i].name));
    const std::vector<ChannelId> channels = permutation.ChannelsOf(node.inputs[SynapseProduct::kX]);
    if (channels.empty()) continue;
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> shares,
                            Worth(graph, layers[i], statistics[i], pool));
    for (size_t c = 0; c < channels.size(); ++c) worth[channels[c]] += shares[c];
  }
  for (size_t set = 0; set < permutation.sets().size(); ++set) {
    std::vector<ChannelId> order = permutation.sets()[set];
    std::stable_sort(order.begin(), order.end(),
                     [&](ChannelId a, ChannelId b) { return worth[a] < worth[b]; });
    permutation.Reorder(set, order);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    const Node& node = graph.node(graph.FindNode(layers[i].name));
    const std::vector<int64_t> inputs = permutation.SourcesOf(node.inputs[SynapseProduct::kX]);
    if (!inputs.empty()) FollowInputs(ColumnsOf(layers[i], inputs), statistics[i]);
    const std::vector<int64_t> outputs = permutation.SourcesOf(node.outputs[0]);
    if (!outputs.empty()) FollowOutputs(outputs, targets.rows[i]);
  }
  DEFTNN_ASSIGN_OR_RETURN(Graph ordered, permutation.Apply(graph));
  return std::optional<Graph>(std::move(ordered));
}

}  // namespace deftnn
