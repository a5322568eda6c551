#include <map>

#include "deftnn/base/file.h"
#include "deftnn/kernels/peak/peak.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/pipeline/device.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"
#include "deftnn/pipeline/load_model.h"
#include "deftnn/pipeline/verbs.h"
#include "deftnn/report/json.h"
#include "deftnn/runtime/measure_product.h"

namespace deftnn {
namespace {

constexpr int kProfileRuns = 100;

struct Side {
  LoadedModel model;
  std::unique_ptr<Session> session;
  std::vector<Tensor> inputs;
};

Result<Side> OpenSide(const std::string& path, const BenchOptions& options) {
  Side side;
  DEFTNN_ASSIGN_OR_RETURN(const Format format, ParseFormat(options.format));
  DEFTNN_ASSIGN_OR_RETURN(side.model, LoadModel(path, format));
  DEFTNN_ASSIGN_OR_RETURN(side.session, OpenSession(side.model, options.common.threads));
  side.inputs = RandomInputs(side.model.graph, options.common.batch, options.common.seed);
  return side;
}

std::vector<BenchLayerRecord> LayerRecords(const Graph& graph,
                                           const std::vector<StepProfile>& steps,
                                           const MachinePeaks& peaks) {
  std::vector<BenchLayerRecord> layers;
  for (const StepProfile& step : steps) {
    BenchLayerRecord layer{step.node, step.op, step.kernel, step.median_ms, kUnknown, kUnknown};
    if (step.cost.flops > 0) {
      layer.gflops = step.cost.flops / (step.median_ms * 1e6);
      const int index = graph.FindNode(step.node);
      const Format format = index >= 0 ? WeightFormat(graph, graph.node(index)) : Format::kFp32;
      const double bound_ms =
          1e3 * peaks.BoundSeconds(step.cost.flops / 2, step.cost.weight_bytes, format);
      layer.share_of_bound = 100 * bound_ms / step.median_ms;
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

// Each kernel that could run each product, timed alone; the pick carries a star.
Result<std::vector<BenchLayerRecord>> AllKernels(const Side& side, const MachinePeaks& peaks) {
  const Graph& graph = side.model.graph;
  std::vector<ValueInfo> given;
  for (const Tensor& input : side.inputs) given.push_back({input.type(), input.shape(), {}});
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos, InferShapes(graph, given));
  ThreadPool pool(side.session->threads());
  std::vector<BenchLayerRecord> records;
  for (const Node& node : graph.nodes()) {
    if (!IsSynapseProduct(node) || node.Int("groups", 1) != 1) continue;
    DEFTNN_ASSIGN_OR_RETURN(const ProductGeometry geometry,
                            GeometryOf(graph, infos, node, WeightFormat(graph, node)));
    const gemm::Kernel* pick = gemm::Select(geometry.spec, side.session->isa());
    for (const gemm::Kernel* kernel : gemm::Candidates(geometry.spec, side.session->isa())) {
      const double ms = MeasureProductMs(geometry.spec, geometry.input, geometry.output,
                                         side.session->isa(), pool, kernel);
      const double macs = static_cast<double>(geometry.output.pixels() * geometry.spec.outputs) *
                          static_cast<double>(geometry.spec.entries.size());
      const double bytes = static_cast<double>(geometry.spec.outputs) *
                           static_cast<double>(geometry.spec.entries.size()) *
                           BytesOf(geometry.spec.format);
      records.push_back({node.name, node.op,
                         std::string(kernel->name) + (kernel == pick ? " *" : ""), ms,
                         2 * macs / (ms * 1e6),
                         100 * 1e3 * peaks.BoundSeconds(macs, bytes, geometry.spec.format) / ms});
    }
  }
  return records;
}

Result<BenchSideRecord> SideRecord(const Side& side, const Latency& latency,
                                   const BenchOptions& options, const MachinePeaks& peaks) {
  BenchSideRecord record;
  record.model = side.model.path;
  record.latency_ms = {latency.min_ms, latency.median_ms, latency.mean_ms, latency.p90_ms,
                       latency.p99_ms};
  record.batch = BatchFor(side.model.graph, options.common.batch);
  record.throughput = static_cast<double>(record.batch) / (latency.median_ms * 1e-3);
  record.threads = side.session->threads();
  record.format = NameOf(FormatsOf(side.model.graph));
  record.samples = latency.samples;
  if (options.all_kernels) {
    DEFTNN_ASSIGN_OR_RETURN(record.layers, AllKernels(side, peaks));
  } else if (options.per_layer) {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<StepProfile> steps,
                            side.session->Profile(side.inputs, kProfileRuns));
    record.layers = LayerRecords(side.model.graph, steps, peaks);
  }
  return record;
}

}  // namespace

Result<BenchRecord> Bench(const BenchOptions& options) {
  std::vector<Side> sides;
  DEFTNN_ASSIGN_OR_RETURN(Side first, OpenSide(options.model, options));
  sides.push_back(std::move(first));
  if (!options.against.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(Side second, OpenSide(options.against, options));
    sides.push_back(std::move(second));
  }
  std::vector<LatencyRequest> requests;
  for (const Side& side : sides) requests.push_back({side.session.get(), side.inputs});
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<Latency> latencies,
                          MeasureInterleaved(requests, {options.duration, options.iterations}));
  const MachinePeaks peaks = MeasurePeaks(sides[0].session->isa(), sides[0].session->threads());
  BenchRecord record;
  record.device = DeviceOf(peaks);
  DEFTNN_ASSIGN_OR_RETURN(record.measured, SideRecord(sides[0], latencies[0], options, peaks));
  if (sides.size() > 1) {
    DEFTNN_ASSIGN_OR_RETURN(record.against, SideRecord(sides[1], latencies[1], options, peaks));
    record.ratio = latencies[1].median_ms / latencies[0].median_ms;
  }
  if (!options.json.empty())
    DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(options.json, ToJson(record)));
  return record;
}

}  // namespace deftnn
