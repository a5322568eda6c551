#include "deftnn/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "deftnn/base/check.h"
#include "deftnn/report/numbers.h"

namespace deftnn {
namespace {

size_t Width(const std::string& cell) {
  return static_cast<size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Names come from files: nothing in them may move the cursor.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

/// A long name keeps its end, which is what tells layers apart.
std::string Short(const std::string& name, size_t most = 36) {
  std::string text = Printable(name);
  if (Width(text) <= most) return text;
  size_t cut = text.size(), kept = 0;
  while (cut > 0 && kept + 2 < most) {
    --cut;
    kept += (text[cut] & 0xc0) != 0x80;
  }
  return ".." + text.substr(cut);
}

std::string Of(int64_t kept, int64_t all) {
  return kept == all ? fmt::format("{}", all) : fmt::format("{}/{}", kept, all);
}

double Ratio(double before, double after) { return after > 0 ? before / after : kUnknown; }

std::string Formats(const std::string& weights, const std::string& activations) {
  return weights == activations ? weights : weights + "/" + activations;
}

std::string Summary(const OptimizeRecord& r) {
  TextTable table({"", "before", "after", "change"}, {false, true, true, true});
  const NetworkRecord &a = r.baseline, &b = r.optimized;
  table.Row({"format", a.format, b.format, ""});
  table.Row({"latency (median)", FormatMilliseconds(a.latency_ms.median),
             FormatMilliseconds(b.latency_ms.median), FormatRatio(r.speedup) + " faster"});
  table.Row({"latency (p90)", FormatMilliseconds(a.latency_ms.p90),
             FormatMilliseconds(b.latency_ms.p90), ""});
  std::string drop = FormatPoints(-r.accuracy_drop_points) + " points";
  if (std::isfinite(r.accuracy_drop_standard_error)) {
    drop += fmt::format(" (+-{:.2f})", r.accuracy_drop_standard_error);
  }
  table.Row({Printable(r.metric), FormatPercent(a.accuracy), FormatPercent(b.accuracy), drop});
  table.Row(
      {"multiply-adds", FormatCount(a.macs), FormatCount(b.macs),
       FormatRatio(Ratio(static_cast<double>(a.macs), static_cast<double>(b.macs))) + " fewer"});
  table.Row({"size", FormatBytes(a.bytes), FormatBytes(b.bytes),
             FormatRatio(Ratio(static_cast<double>(a.bytes), static_cast<double>(b.bytes))) +
                 " smaller"});
  return table.ToString();
}

std::string Parts(const OptimizeRecord& r) {
  TextTable table({"part", "latency", "speedup", Printable(r.metric), "points", "multiply-adds"},
                  {false, true, true, true, true, true});
  const auto row = [&](const char* name, const std::optional<PartRecord>& part) {
    if (!part) return;
    table.Row({name, FormatMilliseconds(part->latency_ms), FormatRatio(part->speedup),
               FormatPercent(part->accuracy), FormatPoints(-part->accuracy_drop_points),
               FormatCount(part->macs)});
  };
  if (!r.sve_only && !r.ndf_only && !r.both) return "";
  row("elimination alone", r.sve_only);
  row("fission alone", r.ndf_only);
  row("both", r.both);
  return "\n" + table.ToString();
}

std::string Layers(const OptimizeRecord& r) {
  if (r.layers.empty()) return "";
  TextTable table({"layer", "op", "group", "K kept", "outputs", "format", "MACs", "before", "after",
                   "faster", "error"},
                  {false, false, false, true, true, false, true, true, true, true, true});
  for (const LayerRecord& l : r.layers) {
    table.Row({Short(l.name), l.op, l.group, Of(l.k_kept, l.k), Of(l.outputs_kept, l.outputs),
               Formats(l.weight_format, l.activation_format), FormatCount(l.macs_after),
               FormatMilliseconds(l.latency_ms), FormatMilliseconds(l.latency_ms_after),
               FormatRatio(Ratio(l.latency_ms, l.latency_ms_after)),
               FormatPercent(100 * l.relative_error, 1)});
  }
  std::string text = "\n" + table.ToString();
  bool first = true;
  for (const LayerRecord& l : r.layers) {
    if (l.reason.empty()) continue;
    if (first) text += "\nLayers that stay dense, or could be cut no finer:\n";
    first = false;
    text += fmt::format("  {}: {}\n", Short(l.name), Printable(l.reason));
  }
  return text;
}

std::string Warnings(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) {
    text += fmt::format("warning: {}\n", Printable(warning));
  }
  return text.empty() ? text : "\n" + text;
}

// "Tuned 781 steps in 41 s on 45000 samples by labels and teacher: held-out loss 0.31 to 0.12."
std::string Tuned(const FineTuneRecord& r) {
  std::string text = fmt::format("\nTuned {} steps in {} on {} samples by {}", r.steps,
                                 FormatDuration(r.elapsed_s), r.samples, r.loss);
  if (r.rounds > 1) text += fmt::format(" in {} rounds", r.rounds);
  if (r.processes > 1) text += fmt::format(" in {} processes", r.processes);
  if (r.best_step == 0) {
    return text +
           fmt::format(": nothing was better than the untouched weights, held-out loss {:.4f}.\n",
                       r.loss_before);
  }
  return text + fmt::format(": held-out loss {:.4f} to {:.4f}, by step {}.\n", r.loss_before,
                            r.loss_after, r.best_step);
}

std::string BenchSummary(const BenchRecord& r) {
  TextTable table({"model", "format", "min", "median", "mean", "p90", "p99", "samples/s"},
                  {false, false, true, true, true, true, true, true});
  const auto row = [&](const BenchSideRecord& side) {
    const BenchLatencyRecord& l = side.latency_ms;
    table.Row({Short(side.model), side.format, FormatMilliseconds(l.min),
               FormatMilliseconds(l.median), FormatMilliseconds(l.mean), FormatMilliseconds(l.p90),
               FormatMilliseconds(l.p99), FormatNumber(side.throughput)});
  };
  row(r.measured);
  if (r.against) row(*r.against);
  return table.ToString();
}

std::string BenchLayers(const BenchSideRecord& side) {
  if (side.layers.empty()) return "";
  double total = 0;
  for (const BenchLayerRecord& l : side.layers) total += std::isfinite(l.latency_ms) * l.latency_ms;
  TextTable table({"layer", "op", "kernel", "time", "share", "GFLOP/s", "of the bound"},
                  {false, false, false, true, true, true, true});
  for (const BenchLayerRecord& l : side.layers) {
    table.Row({Short(l.name), l.op, l.kernel, FormatMilliseconds(l.latency_ms),
               FormatPercent(total > 0 ? 100 * l.latency_ms / total : kUnknown, 1),
               FormatNumber(l.gflops), FormatPercent(l.share_of_bound, 0)});
  }
  return fmt::format("\n{}\n{}", Printable(side.model), table.ToString());
}

// "made with --max-drop 0.5; metric top1; ...": a line of its own.
std::string Settings(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    text += text.empty() ? "made with " : "; ";
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    if (name != "goal") text.append(words).append(" ");
    text += value;
  }
  return text.empty() ? "" : "\n" + Printable(text);
}

}  // namespace

TextTable::TextTable(std::vector<std::string> header, std::vector<bool> right)
    : rows_{std::move(header)}, right_(std::move(right)) {
  DEFTNN_CHECK(rows_[0].size() == right_.size());
}

void TextTable::Row(std::vector<std::string> cells) {
  DEFTNN_CHECK(cells.size() == right_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::ToString() const {
  std::vector<size_t> widths(right_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], Width(row[c]));
  }
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t c = 0; c < widths.size(); ++c) {
      const std::string padding(widths[c] - Width(rows_[r][c]), ' ');
      if (c > 0) line += "  ";
      line += right_[c] ? padding + rows_[r][c] : rows_[r][c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) {
      text += std::string(widths[c], '-') + (c + 1 < widths.size() ? "  " : "\n");
    }
  }
  return text;
}

std::string ToText(const OptimizeRecord& r, bool per_layer) {
  std::string text = fmt::format("{}: {}, {}, {} thread{}, batch {}\n\n", Printable(r.model),
                                 Printable(r.device.cpu), r.device.isa, r.device.threads,
                                 r.device.threads == 1 ? "" : "s", r.batch);
  text += Summary(r) + Parts(r);
  if (per_layer) text += Layers(r);
  if (r.evaluation_samples > 0) {
    text += fmt::format("\n{} on {} samples that no choice has seen.\n", Printable(r.metric),
                        r.evaluation_samples);
  }
  if (r.fine_tune) text += Tuned(*r.fine_tune);
  text += Warnings(r.warnings);
  if (!r.given_up.empty()) {
    text += fmt::format("\nThe dense network was written, in {}: {}\n",
                        Printable(r.optimized.format), Printable(r.given_up));
  }
  if (!r.output.empty()) text += fmt::format("\nwrote {}\n", Printable(r.output));
  return text;
}

std::string ToText(const TuneRecord& r) {
  TextTable table({"", "before", "after", "change"}, {false, true, true, true});
  std::string change = FormatPoints(-r.accuracy_drop_points) + " points";
  if (std::isfinite(r.accuracy_drop_standard_error))
    change += fmt::format(" (+-{:.2f})", r.accuracy_drop_standard_error);
  table.Row({Printable(r.metric), FormatPercent(r.accuracy_before), FormatPercent(r.accuracy_after),
             change});
  std::string text = fmt::format("{}: {}\n\n{}", Printable(r.model), r.format, table.ToString());
  text += fmt::format("\n{} on {} samples that {}.\n", Printable(r.metric), r.evaluation_samples,
                      r.seen ? "decided which state was kept" : "no choice has seen");
  text += Tuned(r.fine_tune) + Warnings(r.warnings);
  return text + fmt::format("\nwrote {}\n", Printable(r.output));
}

std::string ToText(const EvalRecord& r) {
  std::string text = fmt::format("{} {}", Printable(r.metric), FormatPercent(r.value));
  if (std::isfinite(r.standard_error)) text += fmt::format(" (+-{:.2f})", r.standard_error);
  text += fmt::format(" on {} samples", r.n);
  if (!r.reference.empty()) text += fmt::format(", against {}", Printable(r.reference));
  return text + fmt::format("  [{}, {}]\n", Printable(r.model), r.format);
}

std::string ToText(const BenchRecord& r) {
  std::string text = fmt::format(
      "{}, {}, {} thread{}, batch {}, {} runs\n\n", Printable(r.device.cpu), r.device.isa,
      r.measured.threads, r.measured.threads == 1 ? "" : "s", r.measured.batch, r.measured.samples);
  text += BenchSummary(r);
  if (r.against) {
    text += fmt::format("\n{} is {} as fast as {} (interleaved medians)\n", Short(r.measured.model),
                        FormatRatio(r.ratio), Short(r.against->model));
  }
  text += BenchLayers(r.measured);
  if (r.against) text += BenchLayers(*r.against);
  return text;
}

std::string ToText(const InspectRecord& r) {
  std::string text = fmt::format("{}: {}", Printable(r.model), r.format);
  if (r.opset > 0) text += fmt::format(", opset {}", r.opset);
  if (!r.producer.empty()) text += ", by " + Printable(r.producer);
  text += Settings(r.settings) + "\n";
  text += fmt::format("{} nodes, {} parameters, {}, {} multiply-adds a sample\n\n", r.nodes,
                      FormatCount(r.parameters), FormatBytes(r.bytes), FormatCount(r.macs));
  TextTable values({"", "name", "type", "shape"}, {false, false, false, false});
  for (const ValueRecord& v : r.inputs) values.Row({"input", Short(v.name, 60), v.type, v.shape});
  for (const ValueRecord& v : r.outputs) values.Row({"output", Short(v.name, 60), v.type, v.shape});
  text += values.ToString();
  std::string operators;
  for (const auto& [name, count] : r.operators) {
    operators += fmt::format("{}{} x {}", operators.empty() ? "" : ", ", count, Printable(name));
  }
  if (!operators.empty()) text += "\noperators: " + operators + "\n";
  if (!r.layers.empty()) {
    TextTable table({"layer", "op", "group", "K kept", "outputs", "format", "MACs", "size"},
                    {false, false, false, true, true, false, true, true});
    for (const InspectLayerRecord& l : r.layers) {
      table.Row({Short(l.name), l.op, l.group, Of(l.k_kept, l.k), fmt::format("{}", l.outputs),
                 Formats(l.weight_format, l.activation_format), FormatCount(l.macs),
                 FormatBytes(l.bytes)});
    }
    text += "\n" + table.ToString();
  }
  return text + Warnings(r.warnings);
}

}  // namespace deftnn
