// The roofline chart (Williams, Waterman and Patterson 2009): a layer that does `flops` operations
// and moves `bytes` stands at the intensity flops/bytes, and can run no faster than the lower of a
// compute roof and a memory rate times that intensity.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "deftnn/report/html_charts.h"
#include "deftnn/report/numbers.h"

namespace deftnn {
namespace {

constexpr double kWidth = 900, kHeight = 470;
constexpr double kLeft = 64, kRight = 20, kTop = 18, kBottom = 52;

struct Point {
  double intensity = 0;
  double gflops = 0;
};

struct LayerPoints {
  const LayerRecord* layer;
  std::optional<Point> before, after;
};

std::optional<Point> PointOf(const std::optional<RooflineRecord>& roofline, double ms) {
  if (!roofline || !(roofline->flops > 0) || !(roofline->bytes > 0) || !(ms > 0)) return {};
  const Point p{roofline->flops / roofline->bytes, roofline->flops / ms / 1e6};
  if (!std::isfinite(p.intensity) || !std::isfinite(p.gflops)) return {};
  return p;
}

/// A range of decades, mapped onto pixels.
struct Axis {
  double low = 0, high = 1;  // powers of ten
  double from = 0, to = 1;   // pixels
  double At(double value) const {
    return from + (std::log10(value) - low) / (high - low) * (to - from);
  }
};

class Chart {
 public:
  Chart(const OptimizeRecord& record, std::vector<LayerPoints> points)
      : record_(record), points_(std::move(points)) {
    double least_x = 1e300, most_x = 0, least_y = 1e300, most_y = 0;
    for (const LayerPoints& p : points_) {
      for (const auto& point : {p.before, p.after}) {
        if (!point) continue;
        least_x = std::min(least_x, point->intensity);
        most_x = std::max(most_x, point->intensity);
        least_y = std::min(least_y, point->gflops);
        most_y = std::max(most_y, point->gflops);
      }
    }
    for (const Roof& roof : record.device.compute) {
      if (!(roof.rate > 0)) continue;
      most_y = std::max(most_y, roof.rate);
      for (const Roof& memory : record.device.memory) {  // keep the corners in view
        if (memory.rate > 0) most_x = std::max(most_x, roof.rate / memory.rate);
      }
    }
    x_ = {std::floor(std::log10(least_x) - 0.1), std::ceil(std::log10(most_x) + 0.1), kLeft,
          kWidth - kRight};
    y_ = {std::floor(std::log10(least_y) - 0.1), std::log10(most_y) + 0.25, kHeight - kBottom,
          kTop};
  }

  std::string Svg() const {
    std::string svg = fmt::format(
        R"(<svg viewBox="0 0 {} {}" role="img" aria-label="Roofline: arithmetic intensity against )"
        R"(speed, before and after"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" )"
        R"(markerWidth="6" markerHeight="6" orient="auto"><path class="tip" d="M0 1 8 4 0 7z"/>)"
        R"(</marker><clipPath id="plot"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>)"
        "</defs>",
        kWidth, kHeight, kLeft, kTop, kWidth - kLeft - kRight, kHeight - kTop - kBottom);
    svg += Grid() + R"x(<g clip-path="url(#plot)">)x" + Roofs() + "</g>" + Points();
    return svg + "</svg>";
  }

 private:
  static std::string Line(const char* style, double x1, double y1, double x2, double y2) {
    return fmt::format(R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)",
                       style, x1, y1, x2, y2);
  }
  static std::string Text(const char* style, double x, double y, const std::string& text,
                          const std::string& more = "") {
    return fmt::format(R"(<text class="{}" x="{:.1f}" y="{:.1f}"{}>{}</text>)", style, x, y, more,
                       text);
  }

  std::string Grid() const {
    std::string svg;
    for (double e = x_.low; e <= x_.high + 1e-9; e += 1) {
      const double x = x_.At(std::pow(10, e));
      svg += Line("grid", x, kTop, x, kHeight - kBottom);
      svg += Text("tick mid", x, kHeight - kBottom + 18, FormatNumber(std::pow(10, e)));
    }
    for (double e = y_.low; e <= y_.high + 1e-9; e += 1) {
      const double y = y_.At(std::pow(10, e));
      svg += Line("grid", kLeft, y, kWidth - kRight, y);
      svg += Text("tick end", kLeft - 8, y + 4, FormatNumber(std::pow(10, e)));
    }
    svg += Text("axis mid", (kLeft + kWidth - kRight) / 2, kHeight - 10,
                "arithmetic intensity (operations for each byte moved)");
    return svg + Text("axis mid", 16, (kTop + kHeight - kBottom) / 2, "GFLOP/s",
                      fmt::format(R"x( transform="rotate(-90 16 {:.1f})")x",
                                  (kTop + kHeight - kBottom) / 2));
  }

  std::string Roofs() const {
    double highest = 0, fastest = 0;
    for (const Roof& roof : record_.device.compute) highest = std::fmax(highest, roof.rate);
    for (const Roof& roof : record_.device.memory) fastest = std::fmax(fastest, roof.rate);
    std::string svg;
    for (const Roof& roof : record_.device.compute) {
      if (!(roof.rate > 0)) continue;
      const double y = y_.At(roof.rate);
      const double start = fastest > 0 ? std::max(x_.At(roof.rate / fastest), x_.from) : x_.from;
      svg += Line("roof compute", start, y, x_.to, y);
      svg += Text("rooftext end", x_.to - 6, y - 6,
                  fmt::format("{} {} GFLOP/s", EscapeHtml(roof.name), FormatNumber(roof.rate)));
    }
    const double left = std::pow(10, x_.low), bottom = std::pow(10, y_.low);
    const double ceiling = highest > 0 ? highest : std::pow(10, y_.high);
    bool upper = false;  // neighbours may lie close: their names stand at different heights
    for (const Roof& roof : record_.device.memory) {
      if (!(roof.rate > 0)) continue;
      // From where the line enters the plot to where it meets the highest compute roof.
      const double start = std::max(left, bottom / roof.rate);
      const double end = ceiling / roof.rate;
      if (end <= start) continue;
      const double x1 = x_.At(start), y1 = y_.At(start * roof.rate);
      const double x2 = x_.At(end), y2 = y_.At(ceiling);
      svg += Line("roof memory", x1, y1, x2, y2);
      const double angle = std::atan2(y2 - y1, x2 - x1) * 180 / 3.14159265358979;
      const double along = upper ? 0.6 : 0.16;
      upper = !upper;
      const double tx = x1 + along * (x2 - x1), ty = y1 + along * (y2 - y1) - 7;
      svg += Text("rooftext", tx, ty,
                  fmt::format("{} {} GB/s", EscapeHtml(roof.name), FormatNumber(roof.rate)),
                  fmt::format(R"x( transform="rotate({:.1f} {:.1f} {:.1f})")x", angle, tx, ty));
    }
    return svg;
  }

  static std::string Title(const LayerRecord& layer, const char* when, const Point& p,
                           const RooflineRecord& roofline) {
    return fmt::format("<title>{}, {}: {} GFLOP/s at {} operations a byte, bound by {}</title>",
                       EscapeHtml(layer.name), when, FormatNumber(p.gflops),
                       FormatNumber(p.intensity), EscapeHtml(roofline.bound));
  }

  std::string Points() const {
    std::string svg;
    for (const LayerPoints& p : points_) {
      if (!p.before || !p.after) continue;
      const double x1 = x_.At(p.before->intensity), y1 = y_.At(p.before->gflops);
      const double x2 = x_.At(p.after->intensity), y2 = y_.At(p.after->gflops);
      const double length = std::hypot(x2 - x1, y2 - y1);
      if (length < 16) continue;
      const double ux = (x2 - x1) / length, uy = (y2 - y1) / length;
      svg += fmt::format(
          R"x(<line class="move" marker-end="url(#tip)" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" )x"
          R"(y2="{:.1f}"/>)",
          x1 + 6 * ux, y1 + 6 * uy, x2 - 7 * ux, y2 - 7 * uy);
    }
    for (const LayerPoints& p : points_) {
      const auto circle = [&](const Point& point, const char* style, const char* when,
                              const RooflineRecord& roofline) {
        svg += fmt::format(R"(<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="5.5">{}</circle>)",
                           style, x_.At(point.intensity), y_.At(point.gflops),
                           Title(*p.layer, when, point, roofline));
      };
      if (p.before) circle(*p.before, "dot before", "before", *p.layer->roofline);
      if (p.after) circle(*p.after, "dot after", "after", *p.layer->roofline_after);
    }
    return svg;
  }

  const OptimizeRecord& record_;
  std::vector<LayerPoints> points_;
  Axis x_, y_;
};

std::string BoundCell(const std::optional<RooflineRecord>& roofline) {
  if (!roofline || roofline->bound.empty()) return "<td>-</td>";
  return fmt::format(R"(<td><em class="{0}">{0}</em></td>)", EscapeHtml(roofline->bound));
}

std::string ShareOfBound(const std::optional<RooflineRecord>& roofline, double ms) {
  if (!roofline || !(ms > 0)) return "-";
  return FormatPercent(100 * roofline->bound_ms / ms, 0);
}

std::string BoundsTable(const std::vector<LayerPoints>& points) {
  std::string html =
      R"(<details><summary>Bound of each layer</summary><div class="scroll"><table><thead><tr>)"
      "<th>Layer</th><th>Bound before</th><th>GFLOP/s</th><th>of the bound</th><th>Bound after</th>"
      "<th>GFLOP/s</th><th>of the bound</th></tr></thead><tbody>";
  for (const LayerPoints& p : points) {
    const LayerRecord& l = *p.layer;
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th>{}<td>{}</td><td>{}</td>{}<td>{}</td><td>{}</td></tr>",
        EscapeHtml(l.name), BoundCell(l.roofline),
        FormatNumber(p.before ? p.before->gflops : kUnknown),
        ShareOfBound(l.roofline, l.latency_ms), BoundCell(l.roofline_after),
        FormatNumber(p.after ? p.after->gflops : kUnknown),
        ShareOfBound(l.roofline_after, l.latency_ms_after));
  }
  return html + "</tbody></table></div></details>";
}

/// How much of the time is spent in layers of each bound.
std::string BoundSentence(const OptimizeRecord& r) {
  double before[2] = {0, 0}, after[2] = {0, 0};
  const auto add = [](const std::optional<RooflineRecord>& roofline, double ms, double* sums) {
    if (roofline && ms > 0) sums[roofline->bound == "memory"] += ms;
  };
  for (const LayerRecord& l : r.layers) {
    add(l.roofline, l.latency_ms, before);
    add(l.roofline_after, l.latency_ms_after, after);
  }
  const auto share = [](const double* sums) {
    const double total = sums[0] + sums[1];
    return FormatPercent(total > 0 ? 100 * sums[1] / total : kUnknown, 0);
  };
  return fmt::format(
      R"(<p>Layers bound by memory take {} of these layers&#39; time before and {} after: )"
      "there, only moving fewer bytes helps. The rest is bound by compute: there, work that is "
      "not done helps.</p>",
      share(before), share(after));
}

}  // namespace

std::string RooflineChart(const OptimizeRecord& record) {
  std::vector<LayerPoints> points;
  for (const LayerRecord& layer : record.layers) {
    const LayerPoints p{&layer, PointOf(layer.roofline, layer.latency_ms),
                        PointOf(layer.roofline_after, layer.latency_ms_after)};
    if (p.before || p.after) points.push_back(p);
  }
  if (points.empty()) return "";
  const std::string legend =
      R"(<p class="legend"><b class="before dot"></b>a layer before<b class="after dot"></b>after)"
      R"(<b class="compute line"></b>compute roof<b class="memory line"></b>memory roof</p>)";
  return BoundSentence(record) + legend + R"(<div class="scroll">)" + Chart(record, points).Svg() +
         "</div>" + BoundsTable(points);
}

}  // namespace deftnn
