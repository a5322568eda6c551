#include "deftnn/report/html_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "deftnn/report/numbers.h"

namespace deftnn {
namespace {

/// Bytes of the UTF-8 sequence that starts at `at`; 0 when it is not valid.
size_t SequenceAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const size_t length = lead < 0x80   ? 1
                        : lead < 0xc2 ? 0
                        : lead < 0xe0 ? 2
                        : lead < 0xf0 ? 3
                        : lead < 0xf5 ? 4
                                      : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

double Percent(double value, double whole) {
  if (!(whole > 0) || !std::isfinite(value)) return 0;
  return std::clamp(100 * value / whole, 0.0, 100.0);
}

std::string Bar(const char* style, double percent, const std::string& text) {
  return fmt::format(
      R"(<div class="bar"><i class="{}" style="width:{:.2f}%"></i><span>{}</span></div>)", style,
      percent, text);
}

std::string Name(const LayerRecord& layer) {
  return fmt::format(R"(<div class="name" title="{0}">{0}<small>{1}</small></div>)",
                     EscapeHtml(layer.name), EscapeHtml(layer.op));
}

std::string PartRow(const char* name, const char* what, const char* style, const PartRecord& part,
                    double slowest) {
  return fmt::format(
      R"(<tr><th scope="row">{}<small>{}</small></th><td class="wide">{}</td><td>{}</td>)"
      R"(<td>{}</td><td>{}</td><td>{}</td></tr>)",
      name, what,
      Bar(style, Percent(part.latency_ms, slowest), FormatMilliseconds(part.latency_ms)),
      FormatRatio(part.speedup), FormatPercent(part.accuracy),
      FormatPoints(-part.accuracy_drop_points), FormatCount(part.macs));
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceAt(text, at);
    const char c = text[at];
    if (length == 0 || (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f))) {
      out += length == 0 ? "\xef\xbf\xbd" : " ";
      ++at;
      continue;
    }
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += text.substr(at, length);
    }
    at += length;
  }
  return out;
}

std::string PartsChart(const OptimizeRecord& r) {
  PartRecord original{1.0, r.baseline.accuracy, 0.0, r.baseline.macs, r.baseline.latency_ms.median};
  double slowest = original.latency_ms;
  for (const auto* part : {&r.sve_only, &r.ndf_only, &r.both}) {
    if (*part && std::isfinite((*part)->latency_ms)) {
      slowest = std::fmax(slowest, (*part)->latency_ms);
    }
  }
  std::string html = fmt::format(
      R"(<div class="scroll"><table class="parts"><thead><tr><th></th><th class="wide">Median )"
      R"(latency</th><th>Speedup</th><th>{}</th><th>Points</th><th>Multiply-adds</th></tr></thead>)"
      "<tbody>",
      EscapeHtml(r.metric));
  html += PartRow("Original", "dense, fp32", "before", original, slowest);
  if (r.sve_only) {
    html +=
        PartRow("Elimination alone", "synapse vectors removed, fp32", "sve", *r.sve_only, slowest);
  }
  if (r.ndf_only) {
    html += PartRow("Fission alone", "dense, 16-bit tensors", "ndf", *r.ndf_only, slowest);
  }
  if (r.both) html += PartRow("Both", "what was written", "after", *r.both, slowest);
  return html + "</tbody></table></div>";
}

std::string LayerTimeChart(const OptimizeRecord& r) {
  double slowest = 0;
  for (const LayerRecord& l : r.layers) {
    slowest = std::fmax(slowest, std::fmax(l.latency_ms, l.latency_ms_after));
  }
  std::string html =
      R"(<p class="legend"><b class="before"></b>before<b class="after"></b>after</p>)"
      R"(<div class="rows">)";
  for (const LayerRecord& l : r.layers) {
    const double ratio = l.latency_ms_after > 0 ? l.latency_ms / l.latency_ms_after : kUnknown;
    html += fmt::format(
        R"(<div class="row">{}<div class="pair">{}{}</div><div class="figure">{}</div></div>)",
        Name(l), Bar("before", Percent(l.latency_ms, slowest), FormatMilliseconds(l.latency_ms)),
        Bar("after", Percent(l.latency_ms_after, slowest), FormatMilliseconds(l.latency_ms_after)),
        FormatRatio(ratio));
  }
  return html + "</div>";
}

std::string KeptChart(const OptimizeRecord& r) {
  std::string html = R"(<p class="legend"><b class="sve"></b>inputs of each product (K) kept)"
                     R"(<b class="outputs"></b>outputs kept</p><div class="rows">)";
  for (const LayerRecord& l : r.layers) {
    const double k = static_cast<double>(l.k), outputs = static_cast<double>(l.outputs);
    const std::string figure = l.group.empty() ? std::string("dense") : EscapeHtml(l.group);
    html += fmt::format(
        R"(<div class="row">{}<div class="pair track">{}{}</div><div class="figure">{}</div></div>)",
        Name(l),
        Bar("sve", Percent(static_cast<double>(l.k_kept), k),
            fmt::format("{} of {}", l.k_kept, l.k)),
        Bar("outputs", Percent(static_cast<double>(l.outputs_kept), outputs),
            fmt::format("{} of {}", l.outputs_kept, l.outputs)),
        figure);
  }
  return html + "</div>";
}

}  // namespace deftnn
