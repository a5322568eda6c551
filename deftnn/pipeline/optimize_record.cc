#include "deftnn/pipeline/optimize_record.h"

#include <algorithm>
#include <cmath>
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
constexpr int kRecordedRuns = 60;
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
  const std::vector<std::string> names = OutputNames(setting.dense);
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

double SpeedupOf(const Contestant& one, const Contestant& baseline) {
  return baseline.latency.median_ms / one.latency.median_ms;
}

// The name of their comparison in a cost table.
Result<std::string> ComparisonOf(const Contestant& one, const Contestant& other, int64_t batch) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string first, NetworkId(one.graph));
  DEFTNN_ASSIGN_OR_RETURN(const std::string second, NetworkId(other.graph));
  return fmt::format("{} over {}, batch {}", first, second, batch);
}

Result<std::optional<double>> KnownSpeedup(const Contestant& one, const Contestant& other,
                                           const ConcludeSetting& setting) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string name, ComparisonOf(one, other, setting.batch));
  return setting.costs.Speedup(name);
}

// Why `one` is not faster than `other`; empty where it is. What the cost table knows decides, and
// it gets to know what was measured.
Result<std::string> NotFaster(const Contestant& one, const Contestant& other,
                              const ConcludeSetting& setting) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string name, ComparisonOf(one, other, setting.batch));
  const std::optional<double> known = setting.costs.Speedup(name);
  const double speedup = known ? *known : setting.costs.SetSpeedup(name, SpeedupOf(one, other));
  if (speedup > 1.0) return std::string();
  return known ? fmt::format("the cost table has the reduced network at {:.2f}x its speed", *known)
               : fmt::format("the reduced network takes {:.3f} ms, this one {:.3f} ms",
                             one.latency.median_ms, other.latency.median_ms);
}

struct Finalists {
  const Contestant &dense, &ndf, &both;
};

// Never slower, never less accurate than is allowed: the reduced network; where that does not win,
// the dense one in the format; where that does not either, the dense one as it came. `given_up`
// says why it is not the reduced one.
Result<const Contestant*> Choose(const Finalists& of, const ConcludeSetting& setting,
                                 std::string& given_up) {
  const auto accurate = [&](const Contestant& one) {
    return one.drop.points - kSureErrors * one.drop.standard_error <= setting.allowed_points;
  };
  // Another goal than a drop asks for the reduction itself.
  const bool may_keep_all = std::isfinite(setting.allowed_points);
  bool format_wins = false;
  if (!setting.candidate.recipe.format.all_fp32() && may_keep_all && accurate(of.ndf)) {
    DEFTNN_ASSIGN_OR_RETURN(const std::string slow, NotFaster(of.ndf, of.dense, setting));
    format_wins = slow.empty();
  }
  const Contestant& rest = format_wins ? of.ndf : of.dense;
  if (!accurate(of.both)) {
    given_up = fmt::format(
        "the reduced one loses {:.2f} points on samples that no choice has seen, more than the "
        "{:.2f} allowed",
        of.both.drop.points, setting.allowed_points);
    return &rest;
  }
  DEFTNN_ASSIGN_OR_RETURN(given_up, NotFaster(of.both, of.dense, setting));
  if (given_up.empty() && format_wins && of.both.macs < of.ndf.macs) {
    DEFTNN_ASSIGN_OR_RETURN(given_up, NotFaster(of.both, of.ndf, setting));
  }
  return given_up.empty() ? &of.both : &rest;
}

PartRecord PartOf(const Contestant& part, const Contestant& baseline) {
  return {baseline.latency.median_ms / part.latency.median_ms, part.score.value, part.drop.points,
          part.macs, part.latency.median_ms};
}

NetworkRecord NetworkOf(const Contestant& contestant) {
  return {NameOf(FormatsOf(contestant.graph)),
          contestant.score.value,
          contestant.macs,
          NetworkBytes(contestant.graph),
          {contestant.latency.median_ms, contestant.latency.p90_ms, contestant.latency.samples}};
}

using Profiles = std::map<std::string, StepProfile>;

Result<Profiles> ProfileOf(const Contestant& contestant, const std::vector<Tensor>& inputs) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<StepProfile> steps,
                          contestant.session->Profile(inputs, kRecordedRuns));
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
    const KeptFraction& kept = setting.candidate.recipe.kept[i];
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
    const std::string& fine = setting.groupings.at(kept.grouping);
    record.group = kept.channels < 1 && kept.fine < 1 ? "channel+" + fine
                   : kept.channels < 1                ? "channel"
                   : record.k_kept < record.k         ? fine
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
      record.roofline_after =
          RooflineOf(step->second, WeightFormat(both.graph, both.graph.node(index)), peaks);
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

Result<Graph> FillRecord(const ConcludeSetting& setting, OptimizeRecord& record) {
  const int threads = setting.pool.size();
  const Graph& reduced = setting.candidate.reduced.graph;
  const FormatChoice& format = setting.candidate.recipe.format;
  DEFTNN_ASSIGN_OR_RETURN(Contestant dense, Enter(setting.dense, threads));
  DEFTNN_ASSIGN_OR_RETURN(Contestant sve, Enter(reduced, threads));
  DEFTNN_ASSIGN_OR_RETURN(Graph ndf_graph, ApplyFormat(setting.dense, format));
  DEFTNN_ASSIGN_OR_RETURN(Contestant ndf, Enter(std::move(ndf_graph), threads));
  DEFTNN_ASSIGN_OR_RETURN(Graph both_graph, ApplyFormat(reduced, format));
  DEFTNN_ASSIGN_OR_RETURN(Contestant both, Enter(std::move(both_graph), threads));
  if (format.all_fp32()) {
    ndf.twin = &dense;
    both.twin = &sve;
  }
  const Finalists finalists{dense, ndf, both};
  const std::vector<Contestant*> all = {&dense, &sve, &ndf, &both};
  DEFTNN_RETURN_IF_ERROR(TimeAll(all, setting, record.seed));
  // One disturbed measurement is no reason to give the reduced network up.
  DEFTNN_ASSIGN_OR_RETURN(std::optional<double> known, KnownSpeedup(both, dense, setting));
  for (int again = 0; again < kSecondChances && !known && SpeedupOf(both, dense) <= 1.0; ++again) {
    DEFTNN_RETURN_IF_ERROR(TimeAll(all, setting, record.seed));
  }
  const MachinePeaks peaks = MeasurePeaks(both.session->isa(), threads);
  record.device = DeviceOf(peaks);
  DEFTNN_ASSIGN_OR_RETURN(record.layers, LayersOf(setting, dense, both, peaks, record.seed));
  DEFTNN_RETURN_IF_ERROR(ScoreAll(all, setting));
  DEFTNN_ASSIGN_OR_RETURN(const Contestant* chosen, Choose(finalists, setting, record.given_up));
  record.metric = setting.yardstick.name();
  record.baseline = NetworkOf(dense);
  record.optimized = NetworkOf(*chosen);
  record.speedup = SpeedupOf(*chosen, dense);
  record.accuracy_drop_points = chosen->drop.points;
  record.accuracy_drop_standard_error = chosen->drop.standard_error;
  record.sve_only = PartOf(sve, dense);
  record.ndf_only = PartOf(ndf, dense);
  record.both = PartOf(both, dense);
  return chosen->graph;
}

}  // namespace deftnn
