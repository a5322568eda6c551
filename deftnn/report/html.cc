#include "deftnn/report/html.h"

#include <fmt/format.h>

#include <cmath>

#include "deftnn/report/html_charts.h"
#include "deftnn/report/html_style.h"
#include "deftnn/report/numbers.h"

namespace deftnn {
namespace {

std::string Card(const char* style, const char* title, const std::string& value,
                 const std::string& detail) {
  return fmt::format(R"(<div class="card{}"><p>{}</p><strong>{}</strong><p>{}</p></div>)", style,
                     title, value, detail);
}

std::string Section(const char* title, const std::string& lead, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<section><h2>{}</h2><p>{}</p>{}</section>\n", title, lead, body);
}

double Ratio(int64_t before, int64_t after) {
  return after > 0 ? static_cast<double>(before) / static_cast<double>(after) : kUnknown;
}

std::string Header(const OptimizeRecord& r) {
  std::string chips;
  const auto chip = [&](const std::string& text) {
    if (!text.empty()) chips += "<li>" + EscapeHtml(text) + "</li>";
  };
  chip(r.device.cpu);
  chip(r.device.isa);
  chip(fmt::format("{} thread{}", r.device.threads, r.device.threads == 1 ? "" : "s"));
  chip(fmt::format("batch {}", r.batch));
  chip(r.goal);
  chip(fmt::format("seed {}", r.seed));
  return fmt::format(
      R"(<header><p class="brand">DeftNN report</p><h1>{}</h1><ul class="chips">{}</ul></header>)"
      "\n",
      EscapeHtml(r.model), chips);
}

std::string Cards(const OptimizeRecord& r) {
  const NetworkRecord &a = r.baseline, &b = r.optimized;
  const std::string arrow = " &rarr; ";
  std::string drop = FormatPoints(-r.accuracy_drop_points);
  if (std::isfinite(r.accuracy_drop_standard_error)) {
    drop += fmt::format(" <small>&plusmn; {:.2f} points</small>", r.accuracy_drop_standard_error);
  } else {
    drop += " <small>points</small>";
  }
  std::string html = R"(<div class="cards">)";
  html += Card(
      " lead", "Faster", FormatRatio(r.speedup),
      FormatMilliseconds(a.latency_ms.median) + arrow + FormatMilliseconds(b.latency_ms.median));
  html += Card("", EscapeHtml(r.metric + " change").c_str(), drop,
               FormatPercent(a.accuracy) + arrow + FormatPercent(b.accuracy));
  html += Card("", "Fewer multiply-adds", FormatRatio(Ratio(a.macs, b.macs)),
               FormatCount(a.macs) + arrow + FormatCount(b.macs));
  html += Card("", "Smaller", FormatRatio(Ratio(a.bytes, b.bytes)),
               FormatBytes(a.bytes) + arrow + FormatBytes(b.bytes));
  return html + "</div>\n";
}

std::string Notes(const OptimizeRecord& r) {
  std::string html;
  if (!r.given_up.empty()) {
    html +=
        fmt::format(R"(<div class="note bad"><b>The dense network was written, in {}.</b> {}</div>)"
                    "\n",
                    EscapeHtml(r.optimized.format), EscapeHtml(r.given_up));
  }
  if (r.warnings.empty()) return html;
  html += fmt::format(R"(<div class="note warn"><b>{}</b><ul>)",
                      r.warnings.size() == 1 ? "Warning" : "Warnings");
  for (const std::string& warning : r.warnings) html += "<li>" + EscapeHtml(warning) + "</li>";
  return html + "</ul></div>\n";
}

std::string Parts(const OptimizeRecord& r) {
  if (!r.sve_only && !r.ndf_only && !r.both) return "";
  std::string lead =
      "Elimination removes whole rows of a layer&#39;s matrix product and leaves dense weights; "
      "fission keeps tensors in 16 bits and unpacks them in registers.";
  if (r.evaluation_samples > 0) {
    lead +=
        fmt::format(" Accuracy is on {} samples that no choice has seen.", r.evaluation_samples);
  }
  if (r.fine_tune) {
    lead += fmt::format(
        " What was reduced was trained by {} for {} steps on {} samples, in {}; the held-out loss "
        "went from {:.4f} to {:.4f}.",
        EscapeHtml(r.fine_tune->loss), r.fine_tune->steps, r.fine_tune->samples,
        FormatDuration(r.fine_tune->elapsed_s), r.fine_tune->loss_before, r.fine_tune->loss_after);
  }
  return Section("Where the gain comes from", lead, PartsChart(r));
}

std::string SkipReasons(const OptimizeRecord& r) {
  std::string rows;
  for (const LayerRecord& l : r.layers) {
    if (l.reason.empty()) continue;
    rows += fmt::format(R"(<tr><th scope="row">{}</th><td class="left">{}</td></tr>)",
                        EscapeHtml(l.name), EscapeHtml(l.reason));
  }
  if (rows.empty()) return "";
  return Section("Layers that stay dense, or could be cut no finer", "Nothing is skipped silently.",
                 R"(<table><thead><tr><th>Layer</th><th class="left">Reason</th></tr></thead>)"
                 "<tbody>" +
                     rows + "</tbody></table>");
}

std::string AllLayers(const OptimizeRecord& r) {
  if (r.layers.empty()) return "";
  std::string html =
      R"(<details><summary>Every figure</summary><div class="scroll"><table><thead><tr>)"
      "<th>Layer</th><th>Op</th><th>Group</th><th>K</th><th>Outputs</th><th>Weights</th>"
      "<th>Activations</th><th>Multiply-adds</th><th>after</th><th>Time</th><th>after</th>"
      "<th>Error</th></tr></thead><tbody>";
  for (const LayerRecord& l : r.layers) {
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{} / {}</td><td>{} / {}</td>"
        "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        EscapeHtml(l.name), EscapeHtml(l.op), EscapeHtml(l.group.empty() ? "-" : l.group), l.k_kept,
        l.k, l.outputs_kept, l.outputs, EscapeHtml(l.weight_format),
        EscapeHtml(l.activation_format), FormatCount(l.macs), FormatCount(l.macs_after),
        FormatMilliseconds(l.latency_ms), FormatMilliseconds(l.latency_ms_after),
        FormatPercent(100 * l.relative_error, 1));
  }
  return html + "</tbody></table></div></details>";
}

std::string Reproduce(const OptimizeRecord& r) {
  std::string facts;
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts += fmt::format("<dt>{}</dt><dd>{}</dd>", name, EscapeHtml(value));
  };
  const auto count = [](int64_t samples) {
    return samples > 0 ? fmt::format("{} samples", samples) : std::string();
  };
  fact("Written to", r.output);
  fact("Calibrated on", count(r.calibration_samples));
  fact("Scored on", count(r.evaluation_samples));
  fact("Criterion", r.criterion);
  fact("Compensation", r.compensation);
  fact("Grouping", r.group);
  fact("Timed runs", r.optimized.latency_ms.samples > 0
                         ? fmt::format("{} of each, interleaved", r.optimized.latency_ms.samples)
                         : "");
  fact("Took", std::isfinite(r.elapsed_s) ? FormatDuration(r.elapsed_s) : "");
  fact("Peak memory", r.peak_memory_bytes > 0 ? FormatBytes(r.peak_memory_bytes) : "");
  std::string body = facts.empty() ? "" : "<dl>" + facts + "</dl>";
  if (!r.command.empty()) body += "<pre>" + EscapeHtml(r.command) + "</pre>";
  return Section("Reproduce", "The same seed, data, ISA and cost table give the same file.", body);
}

}  // namespace

std::string ToHtml(const OptimizeRecord& r) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>DeftNN report: {}</title><style>{}</style></head><body><main>\n",
      EscapeHtml(r.model), kReportStyle);
  html += Header(r) + Notes(r) + Cards(r) + Parts(r);
  if (!r.layers.empty()) {
    html += Section("Time per layer", "Measured alone, in the network&#39;s own order.",
                    LayerTimeChart(r) + AllLayers(r));
    html += Section("What is kept",
                    "K is the length of each sum in a layer&#39;s matrix product. An output that "
                    "no later layer keeps is not computed at all.",
                    KeptChart(r));
  }
  html += Section("Roofline", "What the machine allows, measured, and where each layer stands.",
                  RooflineChart(r));
  html += SkipReasons(r) + Reproduce(r);
  return html +
         "<footer>Accuracies are percent, changes are percentage points; latencies are "
         "medians.</footer>\n</main></body></html>\n";
}

}  // namespace deftnn
