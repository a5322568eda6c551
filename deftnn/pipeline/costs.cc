#include "deftnn/pipeline/costs.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"
#include "deftnn/runtime/measure_product.h"

namespace deftnn {
namespace {

constexpr int kTableVersion = 2;

std::string Key(const gemm::GemmSpec& spec, const Layout& input, const Layout& output) {
  return fmt::format(
      "{} {}x{}x{}x{} to {}x{} out {} kernel {}x{} stride {}x{} dilation {}x{} kept {} steps {}",
      NameOf(spec.format), input.batch, input.height, input.width, input.channels, output.height,
      output.width, spec.outputs, spec.kernel_h, spec.kernel_w, spec.stride_h, spec.stride_w,
      spec.dilation_h, spec.dilation_w, spec.entries.size(), gemm::CoverEntries(spec, 2).size());
}

// Evenly spread pairs of neighbouring entries: what an irregular elimination in the kernels' native
// group looks like to a kernel.
std::vector<int64_t> SpreadEntries(const std::vector<int64_t>& all, double fraction) {
  if (fraction >= 1.0) return all;
  std::vector<int64_t> kept;
  double due = 0;
  for (size_t i = 0; i < all.size(); i += 2) {
    due += fraction;
    if (due < 1.0 && !(kept.empty() && i + 2 >= all.size())) continue;
    due -= 1.0;
    kept.push_back(all[i]);
    if (i + 1 < all.size()) kept.push_back(all[i + 1]);
  }
  return kept;
}

// About a quarter, a half and all of the vectors.
std::vector<int64_t> CountsToMeasure(int64_t outputs, int64_t lanes) {
  const int64_t vectors = std::max<int64_t>(1, (outputs + lanes - 1) / lanes);
  std::vector<int64_t> counts;
  for (int64_t count : {(vectors + 3) / 4, (vectors + 1) / 2, vectors}) {
    if (counts.empty() || count * lanes > counts.back()) counts.push_back(count * lanes);
  }
  return counts;
}

}  // namespace

Status CostTable::Read(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 64 << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto wrong = [&](const std::string& what) {
    return Error("is no cost table for this run: {}", what)
        .WithFile(path)
        .WithHint("remove it, and it is measured anew");
  };
  if (!json.is_object() || !json.contains("version")) {
    return wrong("not the JSON that --costs writes");
  }
  if (json["version"] != kTableVersion) return wrong("another version");
  if (!json.contains("isa") || json["isa"] != NameOf(isa_))
    return wrong("measured with another ISA than " + std::string(NameOf(isa_)));
  for (const auto& [part, numbers] :
       {std::pair{"one_thread_ms", &ms_}, std::pair{"speedups", &speedups_}}) {
    if (!json.contains(part) || !json[part].is_object()) return wrong(fmt::format("no '{}'", part));
    for (const auto& [key, value] : json[part].items()) {
      if (!value.is_number() || !(value.get<double>() > 0))
        return wrong("'" + key + "' has no time");
      (*numbers)[key] = value.get<double>();
    }
  }
  return {};
}

Status CostTable::Write(const std::string& path) const {
  const nlohmann::json json = {{"version", kTableVersion},
                               {"cpu", CpuName()},
                               {"isa", NameOf(isa_)},
                               {"one_thread_ms", ms_},
                               {"speedups", speedups_}};
  DEFTNN_RETURN_IF_ERROR(WriteFileAtomically(path, json.dump(2) + "\n"));
  changed_ = false;
  return {};
}

double CostTable::Ms(const gemm::GemmSpec& spec, const Layout& input, const Layout& output) {
  const std::string key = Key(spec, input, output);
  const auto found = ms_.find(key);
  if (found != ms_.end()) return found->second;
  changed_ = true;
  return ms_[key] = agree_(MeasureProductMs(spec, input, output, isa_, one_thread_));
}

std::optional<double> CostTable::Speedup(const std::string& comparison) const {
  const auto found = speedups_.find(comparison);
  return found == speedups_.end() ? std::nullopt : std::optional(found->second);
}

double CostTable::SetSpeedup(const std::string& comparison, double ratio) {
  changed_ = true;
  return speedups_[comparison] = agree_(ratio);
}

Result<CostModel> CostModel::Measure(const Graph& graph, const std::vector<ValueInfo>& infos,
                                     const std::vector<Layer>& layers, const FormatChoice& format,
                                     CostTable& table) {
  CostModel model;
  for (const Layer& layer : layers) {
    const Node& node = graph.node(graph.FindNode(layer.name));
    DEFTNN_ASSIGN_OR_RETURN(const ProductGeometry geometry,
                            GeometryOf(graph, infos, node, format.of(node)));
    const bool whole = !layer.why_not.empty();  // never cut: one point says it all
    Surface surface;
    surface.outputs = layer.outputs;
    surface.lanes = gemm::Select(geometry.spec, table.isa())->code.lanes;
    surface.counts = CountsToMeasure(layer.outputs, surface.lanes);
    for (int64_t count : surface.counts) {
      std::array<double, 3> row{};
      for (size_t k = 0; k < kFractions.size(); ++k) {
        ProductGeometry part = geometry;
        part.spec.outputs = std::min(whole ? part.spec.outputs : count, part.spec.outputs);
        part.spec.entries = SpreadEntries(part.spec.entries, whole ? 1.0 : kFractions[k]);
        part.output.channels = part.spec.outputs;
        row[k] = table.Ms(part.spec, part.input, part.output) * static_cast<double>(layer.groups);
      }
      surface.points.push_back(row);
    }
    model.surfaces_.push_back(std::move(surface));
  }
  return model;
}

CostModel CostModel::CountMacs(const std::vector<Layer>& layers) {
  CostModel model;
  for (const Layer& layer : layers) {
    Surface surface;
    surface.outputs = layer.outputs;
    surface.counts = {0, layer.outputs};
    surface.points.resize(2);
    for (size_t k = 0; k < kFractions.size(); ++k)
      surface.points[1][k] = static_cast<double>(layer.macs()) * kFractions[k];
    model.surfaces_.push_back(std::move(surface));
  }
  return model;
}

double CostModel::Cost(size_t layer, double outputs, double k) const {
  const Surface& s = surfaces_.at(layer);
  const size_t i = k < kFractions[1] ? 0 : 1;
  const double v = (k - kFractions[i]) / (kFractions[i + 1] - kFractions[i]);
  const auto at = [&](size_t row) {
    return std::max(0.0, s.points[row][i] + (s.points[row][i + 1] - s.points[row][i]) * v);
  };
  const auto wanted = std::llround(outputs * static_cast<double>(s.outputs));
  const int64_t count = (std::max<int64_t>(1, wanted) + s.lanes - 1) / s.lanes * s.lanes;
  size_t row = 0;
  while (row + 1 < s.counts.size() && s.counts[row + 1] < count) ++row;
  if (row + 1 == s.counts.size() || count <= s.counts[row]) return at(row);
  const double u = static_cast<double>(count - s.counts[row]) /
                   static_cast<double>(s.counts[row + 1] - s.counts[row]);
  return at(row) + (at(row + 1) - at(row)) * std::min(u, 1.0);
}

}  // namespace deftnn
