#include "deftnn/pipeline/calibrate.h"

#include <algorithm>
#include <map>

#include "deftnn/analysis/gram.h"
#include "deftnn/analysis/sampling.h"
#include "deftnn/ops/window.h"
#include "deftnn/pipeline/feed.h"

namespace deftnn {
namespace {

// The sampled rows of one layer's input for one batch.
struct Rows {
  int64_t count = 0;
  std::vector<float> values;  // [count x K]
};

// Gathers rows of the wanted layers while a network runs, and ends the run behind the last of them.
class RowObserver : public Observer {
 public:
  RowObserver(const Graph& graph, const std::vector<Layer>& layers, const std::vector<int>& chosen,
              const CalibrationOptions& options)
      : graph_(graph), layers_(layers), options_(options) {
    for (int index : chosen) rows_[layers[index].name] = {index, {}};
  }

  void Begin(int64_t first_sample) {
    first_sample_ = first_sample;
    left_ = rows_.size();
    status_ = Status();
    for (auto& [name, entry] : rows_) entry.second = {};
  }

  bool Wants(const std::string& node) const override { return rows_.count(node) != 0; }

  bool OnInput(const std::string& node, const Tensor& input) override {
    auto& [index, rows] = rows_.at(node);
    status_ = Gather(layers_[index], index, input, rows);
    return status_.ok() && --left_ > 0;
  }

  const Rows& rows(const std::string& name) const { return rows_.at(name).second; }
  const Status& status() const { return status_; }

 private:
  Status Gather(const Layer& layer, int index, const Tensor& input, Rows& rows) const {
    const int64_t k = layer.full_k;
    if (layer.op == "MatMul") {
      const int64_t samples = input.rank() > 1 ? input.dim(0) : 1;
      const int64_t per_sample = k == 0 ? 0 : input.size() / k / std::max<int64_t>(1, samples);
      for (int64_t n = 0; n < samples; ++n) {
        std::vector<int64_t> positions = SamplePositions(options_.seed, index, first_sample_ + n,
                                                         per_sample, options_.positions);
        for (int64_t& position : positions) position += n * per_sample;
        GatherRows(input, positions, Extend(rows, static_cast<int64_t>(positions.size()), k));
      }
      return {};
    }
    const Node& node = graph_.node(graph_.FindNode(layer.name));
    DEFTNN_ASSIGN_OR_RETURN(const Window window,
                            ResolveWindow(node, {input.shape().begin() + 2, input.shape().end()}));
    const int64_t outputs = ElementCount(window.output);
    for (int64_t n = 0; n < input.dim(0); ++n) {
      const std::vector<int64_t> positions =
          SamplePositions(options_.seed, index, first_sample_ + n, outputs, options_.positions);
      GatherWindows(input, n, window, 0, layer.layout.channels, positions,
                    Extend(rows, static_cast<int64_t>(positions.size()), k));
    }
    return {};
  }

  static float* Extend(Rows& rows, int64_t count, int64_t k) {
    rows.values.resize(static_cast<size_t>((rows.count + count) * k));
    float* out = rows.values.data() + rows.count * k;
    rows.count += count;
    return out;
  }

  const Graph& graph_;
  const std::vector<Layer>& layers_;
  const CalibrationOptions options_;
  std::map<std::string, std::pair<int, Rows>> rows_;
  int64_t first_sample_ = 0;
  size_t left_ = 0;
  Status status_;
};

Status Observe(Session& session, RowObserver& observer, const Dataset& data, int64_t begin,
               int64_t count) {
  DEFTNN_ASSIGN_OR_RETURN(const Feed feed, MakeFeed(session.graph(), data, begin, count));
  observer.Begin(begin);
  const auto outputs = session.Run(feed.inputs, observer);
  if (!outputs.ok()) return outputs.status();
  return observer.status();
}

// The original's weights of a dense layer, [O x K].
Result<Tensor> DenseWeights(const Graph& graph, const Layer& layer) {
  const Node& node = graph.node(graph.FindNode(layer.name));
  return ToFloat32(*graph.Constant(node.inputs[SynapseProduct::kW]));
}

}  // namespace

Result<std::vector<LayerStatistics>> Calibrate(Session& original, Session* reduced,
                                               const std::vector<Layer>& layers,
                                               const std::vector<int>& chosen, const Dataset& data,
                                               const CalibrationOptions& options,
                                               ThreadPool& pool) {
  RowObserver original_rows(original.graph(), layers, chosen, options);
  RowObserver reduced_rows(original.graph(), layers, chosen, options);
  std::vector<GramAccumulator> accumulators;
  for (int index : chosen) {
    const Layer& layer = layers[index];
    GramShape shape{.inputs = layer.full_k};
    Tensor weights;
    if (reduced != nullptr) {
      DEFTNN_ASSIGN_OR_RETURN(weights, DenseWeights(original.graph(), layer));
      shape.targets = layer.outputs;
      shape.original_inputs = layer.full_k;
      shape.original_weights = weights.values<float>();
    }
    auto accumulator = GramAccumulator::Create(shape, &pool);
    if (!accumulator.ok()) return accumulator.status().WithNode(layer.name);
    accumulators.push_back(std::move(accumulator).value());
  }
  const int64_t batch = BatchFor(original.graph(), options.batch);
  for (int64_t begin = 0; begin < data.size(); begin += batch) {
    const int64_t count = std::min(batch, data.size() - begin);
    DEFTNN_RETURN_IF_ERROR(Observe(original, original_rows, data, begin, count));
    if (reduced != nullptr)
      DEFTNN_RETURN_IF_ERROR(Observe(*reduced, reduced_rows, data, begin, count));
    for (size_t i = 0; i < chosen.size(); ++i) {
      const std::string& name = layers[chosen[i]].name;
      const Rows& original_part = original_rows.rows(name);
      const Status added =
          reduced == nullptr
              ? accumulators[i].Add(original_part.count, original_part.values.data())
              : accumulators[i].Add(original_part.count, reduced_rows.rows(name).values.data(),
                                    original_part.values.data());
      if (!added.ok()) return added.WithNode(name);
    }
  }
  std::vector<LayerStatistics> statistics;
  for (size_t i = 0; i < chosen.size(); ++i) {
    auto finished = accumulators[i].Finish();
    if (!finished.ok()) return finished.status().WithNode(layers[chosen[i]].name);
    statistics.push_back(std::move(finished).value());
  }
  return statistics;
}

}  // namespace deftnn
