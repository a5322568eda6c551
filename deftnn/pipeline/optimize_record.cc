#include "deftnn/pipeline/optimize_record.h"

#include <algorithm>
#include <map>

#include "deftnn/kernels/peak/peak.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/device.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"
#include "deftnn/pipeline/network_id.h"

namespace deftnn {
namespace {

constexpr double kLatencySeconds = 1.5;
constexpr int kProfileRuns = 60;
constexpr int kSecondChances = 2;

// One of the four networks that are compared.
struct Contestant {
  const Contestant* twin = nullptr;  // an earlier one that is the same network, measured once
  Graph graph;
  std::unique_ptr<Session> session;
  Score score;
  Latency latency;
  int64_t macs = 0;
  Drop drop;
};

Result<Contestant> Enter(Graph graph, int threads) {
  Contestant contestant;
  DEFTNN_ASSIGN_OR_RETURN(
      contestant.session,
      Session::Create(graph, {.threads = threads, .isa = std::nullopt, .packed = nullptr}));
  DEFTNN_ASSIGN_OR_RETURN(const auto infos, InferShapes(graph, DefaultInputs(graph)));
  contestant.macs = NetworkMacs(graph, infos);
  contestant.graph = std::move(graph);
  return contestant;
}

Status ScoreAll(const std::vector<Contestant*>& contestants, const ConcludeSetting& setting) {
  std::vector<std::string> names;
  for (ValueId id : setting.dense.outputs()) names.push_back(setting.dense.value(id).name);
  std::optional<Outputs> reference;
  for (Contestant* contestant : contestants) {
    if (contestant->twin != nullptr) {
      contestant->score = contestant->twin->score;
      contestant->drop = contestant->twin->drop;
      continue;
    }
    DEFTNN_ASSIGN_OR_RETURN(Outputs outputs, RunOver(*contestant->session, setting.report));
    if (!reference) reference = outputs;
    DEFTNN_ASSIGN_OR_RETURN(contestant->score, ScoreOutputs(outputs, &*reference, setting.report,
                                                            setting.yardstick, names));
    contestant->drop =
        DropBetween(contestants.front()->score, contestant->score, setting.yardstick);
  }
  return {};
}

Status TimeAll(const std::vector<Contestant*>& contestants, const ConcludeSetting& setting,
               uint64_t seed) {
  const std::vector<Tensor> inputs = RandomInputs(setting.dense, setting.batch, seed);
  std::vector<LatencyRequest> requests;
  for (Contestant* contestant : contestants)
    if (contestant->twin == nullptr) requests.push_back({contestant->session.get(), inputs});
  DEFTNN_ASSIGN_OR_RETURN(
      const std::vector<Latency> latencies,
      MeasureInterleaved(requests, {.seconds = kLatencySeconds, .iterations = 0}));
  auto latency = latencies.begin();
  for (Contestant* contestant : contestants)
    contestant->latency = contestant->twin == nullptr ? *latency++ : contestant->twin->latency;
  return {};
}

// The name of their comparison in a cost table.
Result<std::string> ComparisonOf(const Contestant& one, const Contestant& other, int64_t batch) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string first, NetworkId(one.graph));
  DEFTNN_ASSIGN_OR_RETURN(const std::string second, NetworkId(other.graph));
  return fmt::format("{} over {}, batch {}", first, second, batch);
}

PartRecord PartOf(const Contestant& part, const Contestant& baseline) {
  return {baseline.latency.median_ms / part.latency.median_ms, part.score.value, part.drop.points,
          part.macs, part.latency.median_ms};
}

NetworkRecord NetworkOf(const Contestant& contestant, Format format) {
  return {std::string(NameOf(format)),
          contestant.score.value,
          contestant.macs,
          NetworkBytes(contestant.graph),
          {contestant.latency.median_ms, contestant.latency.p90_ms, contestant.latency.samples}};
}

using Profiles = std::map<std::string, StepProfile>;

Result<Profiles> ProfileOf(const Contestant& contestant, const std::vector<Tensor>& inputs) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<StepProfile> steps,
                          contestant.session->Profile(inputs, kProfileRuns));
  Profiles profiles;
  for (const StepProfile& step : steps) {
    if (step.op == kSynapseProduct) profiles[step.node] = step;
  }
  return profiles;
}

std::optional<RooflineRecord> RooflineOf(const StepProfile& step, Format format,
                                         const MachinePeaks& peaks) {
  RooflineRecord roofline;
  roofline.flops = step.cost.flops;
  roofline.bytes = step.cost.weight_bytes + step.cost.tensor_bytes;
  roofline.bound_ms = 1e3 * peaks.BoundSeconds(step.cost.flops / 2, step.cost.weight_bytes, format);
  const double compute_ms = 1e3 * peaks.BoundSeconds(step.cost.flops / 2, 0, format);
  roofline.bound = roofline.bound_ms > compute_ms * 1.001 ? "memory" : "compute";
  return roofline;
}

std::string ReasonOf(const Layer& layer, const KeptFraction& kept, const std::string& not_cut,
                     const LayerRecord& record) {
  if (!layer.why_not.empty()) return layer.why_not;
  if (!not_cut.empty() && kept.fine >= 1.0) {
    return kept.channels < 1.0 ? "cut by whole channels only: finer groups " + not_cut : not_cut;
  }
  if (record.k_kept < record.k || record.outputs_kept < record.outputs) return "";
  return kept.dense()
             ? "kept whole: at this goal its time is worth less than the accuracy it would cost"
             : "";
}

Result<std::vector<LayerRecord>> LayersOf(const ConcludeSetting& setting, const Contestant& dense,
                                          const Contestant& both, const MachinePeaks& peaks,
                                          uint64_t seed) {
  const std::vector<Tensor> inputs = RandomInputs(setting.dense, setting.batch, seed);
  DEFTNN_ASSIGN_OR_RETURN(const Profiles before, ProfileOf(dense, inputs));
  DEFTNN_ASSIGN_OR_RETURN(const Profiles after, ProfileOf(both, inputs));
  std::vector<LayerRecord> records;
  for (size_t i = 0; i < setting.layers.size(); ++i) {
    const Layer& layer = setting.layers[i];
    const KeptFraction& kept = setting.candidate.kept[i];
    LayerRecord record;
    record.name = layer.name;
    record.op = layer.op;
    record.k = layer.full_k;
    record.outputs = layer.outputs;
    record.macs = layer.macs();
    const int index = both.graph.FindNode(layer.name);
    const Tensor& weights = *both.graph.Constant(both.graph.node(index).inputs[SynapseProduct::kW]);
    record.outputs_kept = weights.dim(0);
    record.k_kept = weights.dim(1);
    record.macs_after = layer.rows * record.outputs_kept * record.k_kept;
    record.group = kept.channels < 1 && kept.fine < 1 ? "channel+" + setting.grouping
                   : kept.channels < 1                ? "channel"
                   : record.k_kept < record.k         ? setting.grouping
                                                      : "";
    record.weight_format = record.activation_format =
        NameOf(WeightFormat(both.graph, both.graph.node(index)));
    record.relative_error = setting.candidate.reduced.relative_errors[i];
    record.reason = ReasonOf(layer, kept, setting.reasons[i], record);
    if (const auto step = before.find(layer.name); step != before.end()) {
      record.latency_ms = step->second.median_ms;
      record.roofline = RooflineOf(step->second, Format::kFp32, peaks);
    }
    if (const auto step = after.find(layer.name); step != after.end()) {
      record.latency_ms_after = step->second.median_ms;
      record.roofline_after = RooflineOf(step->second, setting.format, peaks);
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

Result<Graph> FillRecord(const ConcludeSetting& setting, OptimizeRecord& record) {
  const int threads = setting.pool.size();
  const Graph& reduced = setting.candidate.reduced.graph;
  DEFTNN_ASSIGN_OR_RETURN(Contestant dense, Enter(setting.dense, threads));
  DEFTNN_ASSIGN_OR_RETURN(Contestant sve, Enter(reduced, threads));
  DEFTNN_ASSIGN_OR_RETURN(Graph ndf_graph, ApplyFormat(setting.dense, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(Contestant ndf, Enter(std::move(ndf_graph), threads));
  DEFTNN_ASSIGN_OR_RETURN(Graph both_graph, ApplyFormat(reduced, setting.format));
  DEFTNN_ASSIGN_OR_RETURN(Contestant both, Enter(std::move(both_graph), threads));
  if (setting.format == Format::kFp32) {
    ndf.twin = &dense;
    both.twin = &sve;
  }
  const std::vector<Contestant*> all = {&dense, &sve, &ndf, &both};
  DEFTNN_RETURN_IF_ERROR(TimeAll(all, setting, record.seed));
  // Never slower: a network that does not win here is not handed out. One disturbed measurement is
  // no reason to give it up.
  const auto speedup = [&] { return dense.latency.median_ms / both.latency.median_ms; };
  DEFTNN_ASSIGN_OR_RETURN(const std::string comparison, ComparisonOf(both, dense, setting.batch));
  std::optional<double> known = setting.costs.Speedup(comparison);
  for (int again = 0; again < kSecondChances && !known && speedup() <= 1.0; ++again) {
    DEFTNN_RETURN_IF_ERROR(TimeAll(all, setting, record.seed));
  }
  const double decides = known ? *known : setting.costs.SetSpeedup(comparison, speedup());
  const bool faster = decides > 1.0;
  const MachinePeaks peaks = MeasurePeaks(both.session->isa(), threads);
  record.device = DeviceOf(peaks);
  DEFTNN_ASSIGN_OR_RETURN(record.layers, LayersOf(setting, dense, both, peaks, record.seed));
  DEFTNN_RETURN_IF_ERROR(ScoreAll(all, setting));
  const bool accurate =
      both.drop.points - kSureErrors * both.drop.standard_error <= setting.allowed_points;
  if (!accurate) {
    record.given_up = fmt::format(
        "the reduced one loses {:.2f} points on samples that no choice has seen, more than the "
        "{:.2f} allowed",
        both.drop.points, setting.allowed_points);
  } else if (!faster) {
    record.given_up =
        known ? fmt::format("the cost table has the reduced one at {:.2f}x its speed", *known)
              : fmt::format("the reduced network takes {:.3f} ms, the dense one {:.3f} ms",
                            both.latency.median_ms, dense.latency.median_ms);
  }
  record.metric = setting.yardstick.name();
  record.baseline = NetworkOf(dense, Format::kFp32);
  const bool good = faster && accurate;
  const Contestant& chosen = good ? both : dense;
  record.optimized = NetworkOf(chosen, good ? setting.format : Format::kFp32);
  record.speedup = dense.latency.median_ms / chosen.latency.median_ms;
  record.accuracy_drop_points = chosen.drop.points;
  record.accuracy_drop_standard_error = chosen.drop.standard_error;
  record.sve_only = PartOf(sve, dense);
  record.ndf_only = PartOf(ndf, dense);
  record.both = PartOf(both, dense);
  return good ? both.graph : dense.graph;
}

}  // namespace deftnn
