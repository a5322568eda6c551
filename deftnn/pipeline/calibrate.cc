#include "deftnn/pipeline/calibrate.h"

#include <algorithm>
#include <map>

#include "deftnn/analysis/gram.h"
#include "deftnn/analysis/linear_algebra.h"
#include "deftnn/analysis/sampling.h"
#include "deftnn/ops/window.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/merge_statistics.h"
#include "deftnn/report/progress.h"

namespace deftnn {
namespace {

// The sampled rows of one layer's input for one batch.
struct Rows {
  int64_t count = 0;
  std::vector<float> values;     // [count x K]
  std::vector<float> residuals;  // [count x O]: what is added to the products; empty: nothing
};

float* Extend(Rows& rows, int64_t count, int64_t k) {
  rows.values.resize(static_cast<size_t>((rows.count + count) * k));
  float* out = rows.values.data() + rows.count * k;
  rows.count += count;
  return out;
}

float* ExtendResiduals(Rows& rows, size_t count, int64_t outputs) {
  const size_t before = rows.residuals.size();
  rows.residuals.resize(before + count * static_cast<size_t>(outputs));
  return rows.residuals.data() + before;
}

void Append(std::vector<float>& to, const std::vector<float>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

// Appends the sampled rows of layers[index]'s input, whose first sample is `first_sample`, and of
// its residual (may be null).
Status Gather(const Graph& graph, const std::vector<Layer>& layers, int index, const Tensor& input,
              const Tensor* residual, int64_t first_sample, const CalibrationOptions& options,
              Rows& rows) {
  const Layer& layer = layers[index];
  const int64_t k = layer.full_k;
  const auto positions_of = [&](int64_t n, int64_t positions) {
    return SamplePositions(options.seed, index, options.first_sample + first_sample + n, positions,
                           options.positions);
  };
  if (layer.op == "MatMul") {
    const int64_t samples = input.rank() > 1 ? input.dim(0) : 1;
    const int64_t per_sample = k == 0 ? 0 : input.size() / k / std::max<int64_t>(1, samples);
    for (int64_t n = 0; n < samples; ++n) {
      std::vector<int64_t> positions = positions_of(n, per_sample);
      for (int64_t& position : positions) position += n * per_sample;
      GatherRows(input, positions, Extend(rows, static_cast<int64_t>(positions.size()), k));
      if (residual != nullptr)
        GatherRows(*residual, positions, ExtendResiduals(rows, positions.size(), layer.outputs));
    }
    return {};
  }
  const Node& node = graph.node(graph.FindNode(layer.name));
  DEFTNN_ASSIGN_OR_RETURN(const Window window,
                          ResolveWindow(node, {input.shape().begin() + 2, input.shape().end()}));
  const int64_t outputs = ElementCount(window.output);
  for (int64_t n = 0; n < input.dim(0); ++n) {
    const std::vector<int64_t> positions = positions_of(n, outputs);
    GatherWindows(input, n, window, 0, layer.layout.channels, positions,
                  Extend(rows, static_cast<int64_t>(positions.size()), k));
    if (residual != nullptr) {
      GatherChannels(*residual, n, 0, layer.outputs, positions,
                     ExtendResiduals(rows, positions.size(), layer.outputs));
    }
  }
  return {};
}

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

  bool OnInput(const std::string& node, const Tensor& input, const Tensor* residual) override {
    auto& [index, rows] = rows_.at(node);
    status_ = Gather(graph_, layers_, index, input, residual, first_sample_, options_, rows);
    return status_.ok() && --left_ > 0;
  }

  const Rows& rows(const std::string& name) const { return rows_.at(name).second; }
  const Status& status() const { return status_; }

 private:
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

// The weights of a dense layer, [O x K].
Result<Tensor> DenseWeights(const Graph& graph, const Layer& layer) {
  const Node& node = graph.node(graph.FindNode(layer.name));
  return ToFloat32(*graph.Constant(node.inputs[SynapseProduct::kW]));
}

// Runs `data` batch by batch and hands the rows of each batch to `add(i, rows)`, i in `chosen`.
template <typename Add>
Status ForEachBatch(Session& session, const std::vector<Layer>& layers,
                    const std::vector<int>& chosen, const Dataset& data,
                    const CalibrationOptions& options, Add add) {
  RowObserver observer(session.graph(), layers, chosen, options);
  const int64_t batch = BatchFor(session.graph(), options.batch);
  Progress progress("statistics", data.size());
  for (int64_t begin = 0; begin < data.size(); begin += batch) {
    const int64_t count = std::min(batch, data.size() - begin);
    DEFTNN_RETURN_IF_ERROR(Observe(session, observer, data, begin, count));
    for (size_t i = 0; i < chosen.size(); ++i) {
      const std::string& name = layers[chosen[i]].name;
      const Status added = add(i, observer.rows(name));
      if (!added.ok()) return added.WithNode(name);
    }
    progress.Advance(count);
  }
  return {};
}

Result<GramAccumulator> AccumulatorOf(const Layer& layer, bool targets, ThreadPool& pool) {
  auto accumulator = GramAccumulator::Create({layer.full_k, targets ? layer.outputs : 0}, &pool);
  if (!accumulator.ok()) return accumulator.status().WithNode(layer.name);
  return accumulator;
}

}  // namespace

Result<std::vector<LayerStatistics>> CalibrateOriginal(Session& original,
                                                       const std::vector<Layer>& layers,
                                                       const Dataset& data,
                                                       const CalibrationOptions& options,
                                                       ThreadPool& pool, LayerTargets* targets) {
  std::vector<int> chosen;
  for (size_t i = 0; i < layers.size(); ++i)
    if (layers[i].why_not.empty()) chosen.push_back(static_cast<int>(i));
  std::vector<LayerStatistics> statistics(layers.size());
  if (chosen.empty()) return statistics;
  std::vector<GramAccumulator> accumulators;
  std::vector<Tensor> weights;
  for (int index : chosen) {
    DEFTNN_ASSIGN_OR_RETURN(GramAccumulator accumulator, AccumulatorOf(layers[index], false, pool));
    accumulators.push_back(std::move(accumulator));
    DEFTNN_ASSIGN_OR_RETURN(Tensor dense, DenseWeights(original.graph(), layers[index]));
    weights.push_back(std::move(dense));
  }
  if (targets) targets->rows.assign(layers.size(), {});
  const auto add = [&](size_t i, const Rows& rows) -> Status {
    if (targets) {
      const Layer& layer = layers[chosen[i]];
      std::vector<float>& out = targets->rows[chosen[i]];
      const size_t before = out.size();
      out.resize(before + static_cast<size_t>(rows.count * layer.outputs));
      MultiplyRows(&pool, rows.count, layer.outputs, layer.full_k, rows.values.data(),
                   weights[i].values<float>().data(), out.data() + before);
      for (size_t j = 0; j < rows.residuals.size(); ++j) out[before + j] += rows.residuals[j];
    }
    return accumulators[i].Add(rows.count, rows.values.data());
  };
  DEFTNN_RETURN_IF_ERROR(ForEachBatch(original, layers, chosen, data, options, add));
  for (size_t i = 0; i < chosen.size(); ++i) {
    auto finished = accumulators[i].Finish();
    if (!finished.ok()) return finished.status().WithNode(layers[chosen[i]].name);
    statistics[chosen[i]] = std::move(finished).value();
    if (options.group != nullptr)
      DEFTNN_RETURN_IF_ERROR(MergeStatistics(*options.group, statistics[chosen[i]]));
  }
  return statistics;
}

Result<LayerStatistics> CalibrateReduced(Replay& replay, const Graph& reduced,
                                         const std::vector<Layer>& layers, int chosen,
                                         const CalibrationOptions& options, ThreadPool& pool,
                                         const std::vector<float>& targets, LayerRows* kept_rows) {
  const Layer& layer = layers[chosen];
  DEFTNN_ASSIGN_OR_RETURN(GramAccumulator accumulator, AccumulatorOf(layer, true, pool));
  const Node& node = reduced.node(reduced.FindNode(layer.name));
  const std::string& input = reduced.value(node.inputs[SynapseProduct::kX]).name;
  const std::string residual = node.has_input(SynapseProduct::kResidual)
                                   ? reduced.value(node.inputs[SynapseProduct::kResidual]).name
                                   : "";
  int64_t used = 0;
  const auto add = [&](int64_t first_sample, const Replay::Live& live) -> Status {
    Rows rows;
    DEFTNN_RETURN_IF_ERROR(Gather(reduced, layers, chosen, live.at(input),
                                  residual.empty() ? nullptr : &live.at(residual), first_sample,
                                  options, rows));
    DEFTNN_CHECK((used + rows.count) * layer.outputs <= static_cast<int64_t>(targets.size()));
    const auto begin = targets.begin() + used * layer.outputs;
    std::vector<float> y(begin, begin + rows.count * layer.outputs);
    for (size_t j = 0; j < rows.residuals.size(); ++j) y[j] -= rows.residuals[j];
    used += rows.count;
    if (kept_rows != nullptr) {
      kept_rows->count += rows.count;
      Append(kept_rows->x, rows.values);
      Append(kept_rows->targets, y);
      Append(kept_rows->added, rows.residuals);
    }
    return accumulator.Add(rows.count, rows.values.data(), y.data());
  };
  const Status run = replay.RunTo(reduced, layer.name, add);
  if (!run.ok()) return run.WithNode(layer.name);
  auto finished = accumulator.Finish();
  if (!finished.ok()) return finished.status().WithNode(layer.name);
  if (options.group != nullptr) DEFTNN_RETURN_IF_ERROR(MergeStatistics(*options.group, *finished));
  return finished;
}

}  // namespace deftnn
