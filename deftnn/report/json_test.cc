#include "deftnn/report/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "deftnn/report/test_records.h"

namespace deftnn {
namespace {

using Json = nlohmann::json;

std::set<std::string> Keys(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

using Names = std::set<std::string>;

TEST(ReportJson, FineTuningHasExactlyTheseKeys) {
  const Names keys{"data",        "loss",       "samples",   "held_out_samples", "rounds",
                   "epochs",      "steps",      "best_step", "parameters",       "processes",
                   "loss_before", "loss_after", "elapsed_s"};
  OptimizeRecord optimized = MadeUpOptimize();
  optimized.fine_tune = FineTuneRecord{.data = "train.npz", .steps = 7, .loss_after = 0.25};
  const Json json = Json::parse(ToJson(optimized));
  EXPECT_EQ(Keys(json["fine_tune"]), keys);
  EXPECT_EQ(json["fine_tune"]["steps"], 7);
  EXPECT_EQ(json["fine_tune"]["loss_after"], 0.25);
  const Json tuned = Json::parse(ToJson(TuneRecord{}));
  EXPECT_EQ(Keys(tuned),
            (Names{"schema_version", "model", "output", "format", "seed", "metric",
                   "accuracy_before", "accuracy_after", "accuracy_drop_points",
                   "accuracy_drop_standard_error", "evaluation_samples", "evaluation_samples_seen",
                   "fine_tune", "warnings", "command", "elapsed_s"}));
  EXPECT_EQ(Keys(tuned["fine_tune"]), keys);
}

TEST(ReportJson, OptimizeHasExactlyTheseKeys) {
  const Json json = Json::parse(ToJson(MadeUpOptimize()));
  EXPECT_EQ(
      Keys(json),
      (Names{"schema_version", "model", "device", "seed", "metric", "baseline", "optimized",
             "speedup", "accuracy_drop_points", "accuracy_drop_standard_error", "parts", "layers",
             // beyond the first contract
             "output", "batch", "calibration_samples", "evaluation_samples", "goal", "criterion",
             "compensation", "group", "fine_tune", "given_up", "warnings", "command", "elapsed_s",
             "peak_memory_bytes"}));
  EXPECT_TRUE(json["fine_tune"].is_null());
  EXPECT_EQ(Keys(json["device"]), (Names{"cpu", "isa", "threads", "peaks"}));
  for (const char* side : {"baseline", "optimized"}) {
    EXPECT_EQ(Keys(json[side]), (Names{"format", "accuracy", "macs", "bytes", "latency_ms"}));
    EXPECT_EQ(Keys(json[side]["latency_ms"]), (Names{"median", "p90", "samples"}));
  }
  EXPECT_EQ(Keys(json["parts"]), (Names{"sve_only", "ndf_only", "both"}));
  for (const auto& [name, part] : json["parts"].items()) {
    EXPECT_EQ(Keys(part),
              (Names{"speedup", "accuracy", "accuracy_drop_points", "macs", "latency_ms"}));
  }
  ASSERT_EQ(json["layers"].size(), 9u);
  EXPECT_EQ(Keys(json["layers"][0]),
            (Names{"name", "op", "group", "k", "k_kept", "outputs", "outputs_kept", "weight_format",
                   "activation_format", "macs", "macs_after", "latency_ms", "latency_ms_after",
                   "relative_error", "reason", "roofline", "roofline_after"}));
  EXPECT_EQ(Keys(json["layers"][0]["roofline"]), (Names{"flops", "bytes", "bound", "bound_ms"}));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["baseline"]["latency_ms"]["samples"], 400);
  EXPECT_EQ(json["layers"][0]["k"], 9);
}

TEST(ReportJson, EvalAndBenchHaveExactlyTheseKeys) {
  EvalRecord eval;
  eval.metric = "top1";
  eval.value = 91.5;
  eval.n = 200;
  Json json = Json::parse(ToJson(eval));
  EXPECT_EQ(Keys(json), (Names{"metric", "value", "n", "schema_version", "model", "format",
                               "standard_error", "reference"}));
  EXPECT_EQ(json["value"], 91.5);
  EXPECT_TRUE(json["standard_error"].is_null());

  json = Json::parse(ToJson(MadeUpBench()));
  const Names side = {"latency_ms", "throughput", "batch", "threads",
                      "format",     "layers",     "model", "samples"};
  Names whole = side;
  whole.insert({"against", "ratio", "schema_version", "device"});
  EXPECT_EQ(Keys(json), whole);
  EXPECT_EQ(Keys(json["against"]), side);
  EXPECT_EQ(Keys(json["latency_ms"]), (Names{"min", "median", "mean", "p90", "p99"}));
  EXPECT_EQ(Keys(json["layers"][0]),
            (Names{"name", "op", "kernel", "latency_ms", "gflops", "share_of_bound"}));
}

TEST(ReportJson, UnknownIsNull) {
  OptimizeRecord record;
  record.speedup = std::numeric_limits<double>::infinity();
  const std::string text = ToJson(record);
  const Json json = Json::parse(text);
  EXPECT_TRUE(json["speedup"].is_null());
  EXPECT_TRUE(json["baseline"]["accuracy"].is_null());
  EXPECT_TRUE(json["parts"]["both"].is_null());
  EXPECT_TRUE(json["layers"].is_array());
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  EXPECT_TRUE(Json::parse(ToJson(BenchRecord{}))["against"].is_null());
}

TEST(ReportJson, SurvivesHostileNames) {
  OptimizeRecord record = MadeUpOptimize();
  using std::string_literals::operator""s;
  record.model = "a\xff\xfe\"\n</script>\0b"s;  // NOLINT(bugprone-string-literal-with-embedded-nul)
  EXPECT_TRUE(Json::accept(ToJson(record)));
}

TEST(ReportJson, InspectRoundTrips) {
  InspectRecord record;
  record.model = "m.onnx";
  record.inputs = {{"x", "float32", "Nx3x32x32"}};
  record.opset = 13;
  record.settings = {{"criterion", "obs"}};
  record.operators = {{"Conv", 3}, {"Relu", 2}};
  record.layers = {{"c", "Conv", "pair", 9, 4, 2, "dfp16", "dfp16", 100, 50}};
  const Json json = Json::parse(ToJson(record));
  EXPECT_EQ(json["inputs"][0]["shape"], "Nx3x32x32");
  EXPECT_EQ(json["opset"], 13);
  EXPECT_EQ(json["settings"]["criterion"], "obs");
  EXPECT_EQ(json["operators"]["Conv"], 3);
  EXPECT_EQ(json["layers"][0]["k_kept"], 4);
}

}  // namespace
}  // namespace deftnn
