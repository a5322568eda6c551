#include "deftnn/report/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace deftnn {
namespace {

using Json = nlohmann::ordered_json;

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <typename T, typename Convert>
Json Array(const std::vector<T>& items, Convert convert) {
  Json array = Json::array();
  for (const T& item : items) array.push_back(convert(item));
  return array;
}

template <typename T, typename Convert>
Json OrNull(const std::optional<T>& value, Convert convert) {
  return value ? convert(*value) : Json(nullptr);
}

Json ComputeRoof(const Roof& roof) { return {{"name", roof.name}, {"gflops", Number(roof.rate)}}; }

Json MemoryRoof(const Roof& roof) {
  return {{"name", roof.name}, {"gbytes_per_s", Number(roof.rate)}};
}

Json Device(const DeviceRecord& device) {
  return {{"cpu", device.cpu},
          {"isa", device.isa},
          {"threads", device.threads},
          {"peaks",
           {{"compute", Array(device.compute, ComputeRoof)},
            {"memory", Array(device.memory, MemoryRoof)}}}};
}

Json Network(const NetworkRecord& network) {
  return {{"format", network.format},
          {"accuracy", Number(network.accuracy)},
          {"macs", network.macs},
          {"bytes", network.bytes},
          {"latency_ms",
           {{"median", Number(network.latency_ms.median)},
            {"p90", Number(network.latency_ms.p90)},
            {"samples", network.latency_ms.samples}}}};
}

Json Part(const PartRecord& part) {
  return {{"speedup", Number(part.speedup)},
          {"accuracy", Number(part.accuracy)},
          {"accuracy_drop_points", Number(part.accuracy_drop_points)},
          {"macs", part.macs},
          {"latency_ms", Number(part.latency_ms)}};
}

Json Roofline(const RooflineRecord& roofline) {
  return {{"flops", Number(roofline.flops)},
          {"bytes", Number(roofline.bytes)},
          {"bound", roofline.bound},
          {"bound_ms", Number(roofline.bound_ms)}};
}

Json Layer(const LayerRecord& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"group", layer.group},
          {"k", layer.k},
          {"k_kept", layer.k_kept},
          {"outputs", layer.outputs},
          {"outputs_kept", layer.outputs_kept},
          {"weight_format", layer.weight_format},
          {"activation_format", layer.activation_format},
          {"macs", layer.macs},
          {"macs_after", layer.macs_after},
          {"latency_ms", Number(layer.latency_ms)},
          {"latency_ms_after", Number(layer.latency_ms_after)},
          {"relative_error", Number(layer.relative_error)},
          {"reason", layer.reason},
          {"roofline", OrNull(layer.roofline, Roofline)},
          {"roofline_after", OrNull(layer.roofline_after, Roofline)}};
}

Json BenchLayer(const BenchLayerRecord& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"kernel", layer.kernel},
          {"latency_ms", Number(layer.latency_ms)},
          {"gflops", Number(layer.gflops)},
          {"share_of_bound", Number(layer.share_of_bound)}};
}

Json BenchSide(const BenchSideRecord& side) {
  return {{"model", side.model},
          {"latency_ms",
           {{"min", Number(side.latency_ms.min)},
            {"median", Number(side.latency_ms.median)},
            {"mean", Number(side.latency_ms.mean)},
            {"p90", Number(side.latency_ms.p90)},
            {"p99", Number(side.latency_ms.p99)}}},
          {"throughput", Number(side.throughput)},
          {"batch", side.batch},
          {"threads", side.threads},
          {"format", side.format},
          {"samples", side.samples},
          {"layers", Array(side.layers, BenchLayer)}};
}

Json Value(const ValueRecord& value) {
  return {{"name", value.name}, {"type", value.type}, {"shape", value.shape}};
}

Json InspectLayer(const InspectLayerRecord& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"group", layer.group},
          {"k", layer.k},
          {"k_kept", layer.k_kept},
          {"outputs", layer.outputs},
          {"weight_format", layer.weight_format},
          {"activation_format", layer.activation_format},
          {"macs", layer.macs},
          {"bytes", layer.bytes}};
}

Json FineTune(const FineTuneRecord& tuned) {
  return {{"data", tuned.data},
          {"loss", tuned.loss},
          {"samples", tuned.samples},
          {"held_out_samples", tuned.held_out_samples},
          {"rounds", tuned.rounds},
          {"epochs", tuned.epochs},
          {"steps", tuned.steps},
          {"best_step", tuned.best_step},
          {"parameters", tuned.parameters},
          {"processes", tuned.processes},
          {"loss_before", Number(tuned.loss_before)},
          {"loss_after", Number(tuned.loss_after)},
          {"elapsed_s", Number(tuned.elapsed_s)}};
}

}  // namespace

std::string ToJson(const OptimizeRecord& r) {
  Json json = {
      {"schema_version", kReportSchemaVersion},
      {"model", r.model},
      {"output", r.output},
      {"device", Device(r.device)},
      {"seed", r.seed},
      {"metric", r.metric},
      {"baseline", Network(r.baseline)},
      {"optimized", Network(r.optimized)},
      {"speedup", Number(r.speedup)},
      {"accuracy_drop_points", Number(r.accuracy_drop_points)},
      {"accuracy_drop_standard_error", Number(r.accuracy_drop_standard_error)},
      {"parts",
       {{"sve_only", OrNull(r.sve_only, Part)},
        {"ndf_only", OrNull(r.ndf_only, Part)},
        {"both", OrNull(r.both, Part)}}},
      {"layers", Array(r.layers, Layer)},
      {"batch", r.batch},
      {"calibration_samples", r.calibration_samples},
      {"evaluation_samples", r.evaluation_samples},
      {"goal", r.goal},
      {"criterion", r.criterion},
      {"compensation", r.compensation},
      {"group", r.group},
      {"fine_tune", OrNull(r.fine_tune, FineTune)},
      {"given_up", r.given_up},
      {"warnings", r.warnings},
      {"command", r.command},
      {"elapsed_s", Number(r.elapsed_s)},
      {"peak_memory_bytes", r.peak_memory_bytes},
  };
  return Dump(json);
}

std::string ToJson(const TuneRecord& r) {
  return Dump({{"schema_version", kReportSchemaVersion},
               {"model", r.model},
               {"output", r.output},
               {"format", r.format},
               {"seed", r.seed},
               {"metric", r.metric},
               {"accuracy_before", Number(r.accuracy_before)},
               {"accuracy_after", Number(r.accuracy_after)},
               {"accuracy_drop_points", Number(r.accuracy_drop_points)},
               {"accuracy_drop_standard_error", Number(r.accuracy_drop_standard_error)},
               {"evaluation_samples", r.evaluation_samples},
               {"evaluation_samples_seen", r.seen},
               {"fine_tune", FineTune(r.fine_tune)},
               {"warnings", r.warnings},
               {"command", r.command},
               {"elapsed_s", Number(r.elapsed_s)}});
}

std::string ToJson(const EvalRecord& r) {
  return Dump({{"schema_version", kReportSchemaVersion},
               {"model", r.model},
               {"format", r.format},
               {"metric", r.metric},
               {"value", Number(r.value)},
               {"standard_error", Number(r.standard_error)},
               {"n", r.n},
               {"reference", r.reference}});
}

std::string ToJson(const BenchRecord& r) {
  Json json = {{"schema_version", kReportSchemaVersion}};
  json.update(BenchSide(r.measured));
  json["device"] = Device(r.device);
  json["against"] = OrNull(r.against, BenchSide);
  json["ratio"] = Number(r.ratio);
  return Dump(json);
}

std::string ToJson(const InspectRecord& r) {
  Json operators = Json::object(), settings = Json::object();
  for (const auto& [name, count] : r.operators) operators[name] = count;
  for (const auto& [name, value] : r.settings) settings[name] = value;
  return Dump({{"schema_version", kReportSchemaVersion},
               {"model", r.model},
               {"format", r.format},
               {"opset", r.opset},
               {"producer", r.producer},
               {"settings", settings},
               {"inputs", Array(r.inputs, Value)},
               {"outputs", Array(r.outputs, Value)},
               {"nodes", r.nodes},
               {"parameters", r.parameters},
               {"bytes", r.bytes},
               {"macs", r.macs},
               {"operators", operators},
               {"layers", Array(r.layers, InspectLayer)},
               {"warnings", r.warnings}});
}

}  // namespace deftnn
