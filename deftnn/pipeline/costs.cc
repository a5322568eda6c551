#include "deftnn/pipeline/costs.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"

namespace deftnn {
namespace {

constexpr int kTableVersion = 3;
// Reading scattered entries, however many, costs what reading all of a run does not.
constexpr double kFineFractions[] = {0.25, 0.5, kMostFine, 1.0};
constexpr double kLeastChannels = 0.2;
constexpr int64_t kLeastLevels = 4, kMostLevels = 12;

// Of neighbours: what a kernel that takes many entries at once reads them by.
int64_t RunsOf(const std::vector<int64_t>& entries) {
  int64_t runs = 0;
  for (size_t i = 0; i < entries.size(); ++i) runs += i == 0 || entries[i] != entries[i - 1] + 1;
  return runs;
}

std::string Key(const ProductGeometry& product) {
  const gemm::GemmSpec& spec = product.spec;
  const Layout &input = product.input, &output = product.output;
  return fmt::format(
      "{} {}x{}x{}x{} to {}x{} out {} kernel {}x{} stride {}x{} dilation {}x{} kept {} runs {} "
      "steps {}",
      NameOf(spec.format), input.batch, input.height, input.width, input.channels, output.height,
      output.width, spec.outputs, spec.kernel_h, spec.kernel_w, spec.stride_h, spec.stride_w,
      spec.dilation_h, spec.dilation_w, spec.entries.size(), RunsOf(spec.entries),
      gemm::CoverEntries(spec, 2).size());
}

// Evenly spread groups: what an elimination looks like to a kernel.
std::vector<int64_t> SpreadEntries(const EntryGroups& groups, double fraction) {
  std::vector<int64_t> kept;
  double due = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    due += fraction;
    if (due < 1.0 && !(kept.empty() && i + 1 == groups.size())) continue;
    due -= 1.0;
    kept.insert(kept.end(), groups[i].begin(), groups[i].end());
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::vector<double> ChannelLevels(int64_t channels, int64_t lanes) {
  int64_t step = std::max<int64_t>(1, lanes);
  while (step % 2 == 0 && channels / step < kLeastLevels) step /= 2;
  while (channels / step > kMostLevels) step *= 2;
  std::vector<double> levels = {1.0};
  for (int64_t count = (channels - 1) / step * step; count > 0; count -= step) {
    const double fraction = static_cast<double>(count) / static_cast<double>(channels);
    if (fraction >= kLeastChannels) levels.push_back(fraction);
  }
  return levels;
}

// The first channels at every position: a narrower layer, but for the distance of its pixels.
std::vector<int64_t> FirstChannels(const KLayout& layout, double fraction) {
  const auto channels =
      std::max<int64_t>(1, std::llround(fraction * static_cast<double>(layout.channels)));
  std::vector<int64_t> kept;
  for (int64_t position = 0; position < layout.positions; ++position)
    for (int64_t c = 0; c < channels; ++c) kept.push_back(position * layout.channels + c);
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

std::vector<double> CostTable::Ms(std::span<const ProductGeometry> products) {
  std::vector<std::string> keys;
  std::map<std::string, ProductGeometry> lacking;
  for (const ProductGeometry& product : products) {
    keys.push_back(Key(product));
    if (!ms_.contains(keys.back())) lacking.emplace(keys.back(), product);
  }
  std::vector<ProductGeometry> to_measure;
  for (const auto& [key, product] : lacking) to_measure.push_back(product);
  const std::vector<double> measured = timer_.Measure(to_measure);
  auto ms = measured.begin();
  for (const auto& [key, product] : lacking) ms_[key] = agree_(*ms++);
  changed_ = changed_ || !lacking.empty();
  std::vector<double> times;
  for (const std::string& key : keys) times.push_back(ms_.at(key));
  return times;
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
                                     const std::vector<std::string>& groupings, CostTable& table) {
  CostModel model;
  std::vector<ProductGeometry> products;  // in the order of the surfaces' points
  std::vector<int64_t> lanes;             // by layer: outputs that cost no more than one
  for (const Layer& layer : layers) {
    const Node& node = graph.node(graph.FindNode(layer.name));
    DEFTNN_ASSIGN_OR_RETURN(const ProductGeometry geometry,
                            GeometryOf(graph, infos, node, format.of(node)));
    lanes.push_back(gemm::Select(geometry.spec, table.isa())->code.lanes);
    // A layer that is never cut has one point, of all of it.
    const bool whole = !layer.why_not.empty();
    const auto surface_of = [&](std::vector<double> fractions, auto entries_at) {
      Surface surface{layer.outputs,
                      lanes.back(),
                      CountsToMeasure(layer.outputs, lanes.back()),
                      whole ? std::vector{1.0} : std::move(fractions),
                      {}};
      for (const int64_t count : surface.counts) {
        for (const double fraction : surface.fractions) {
          ProductGeometry& part = products.emplace_back(geometry);
          part.spec.outputs = std::min(whole ? part.spec.outputs : count, part.spec.outputs);
          if (fraction < 1.0) part.spec.entries = entries_at(fraction);
          part.output.channels = part.spec.outputs;
        }
        surface.points.emplace_back(surface.fractions.size());
      }
      return surface;
    };
    LayerCosts& costs = model.layers_.emplace_back();
    if (!layer.producers.empty() && !whole) {
      int64_t most = 1;
      for (const int producer : layer.producers) most = std::max(most, lanes[producer]);
      costs.channel_levels = ChannelLevels(layer.layout.channels, most);
    }
    costs.channels =
        surface_of({costs.channel_levels.rbegin(), costs.channel_levels.rend()},
                   [&](double fraction) { return FirstChannels(layer.layout, fraction); });
    for (const std::string& name : groupings) {
      DEFTNN_ASSIGN_OR_RETURN(const Grouping* grouping, FindGrouping(name));
      const EntryGroups groups = grouping->make(layer.layout);
      costs.fine.push_back(
          surface_of({std::begin(kFineFractions), std::end(kFineFractions)},
                     [&](double fraction) { return SpreadEntries(groups, fraction); }));
    }
  }
  const std::vector<double> times = table.Ms(products);
  auto ms = times.begin();
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto fill = [&](Surface& surface) {
      for (std::vector<double>& row : surface.points)
        for (double& point : row) point = *ms++ * static_cast<double>(layers[i].groups);
    };
    fill(model.layers_[i].channels);
    for (Surface& surface : model.layers_[i].fine) fill(surface);
  }
  return model;
}

CostModel CostModel::CountMacs(const std::vector<Layer>& layers) {
  CostModel model;
  for (const Layer& layer : layers) {
    LayerCosts& costs = model.layers_.emplace_back();
    if (!layer.producers.empty()) costs.channel_levels = ChannelLevels(layer.layout.channels, 1);
    const auto macs = static_cast<double>(layer.macs());
    costs.channels = {layer.outputs, 1, {0, layer.outputs}, {0.0, 1.0}, {{0.0, 0.0}, {0.0, macs}}};
  }
  return model;
}

double CostModel::Cost(size_t layer, double outputs, const KeptFraction& kept) const {
  const LayerCosts& costs = layers_.at(layer);
  const double channels = costs.channels.At(outputs, kept.channels);
  if (kept.fine >= 1.0) return channels;
  if (costs.fine.empty()) return channels * kept.fine;
  const Surface& fine = costs.fine.at(kept.grouping);
  return channels * fine.At(outputs, kept.fine) / fine.At(outputs, 1.0);
}

double CostModel::Surface::At(double part, double fraction) const {
  size_t right = 1;  // of the two points next to the fraction
  while (right + 1 < fractions.size() && fractions[right] < fraction) ++right;
  const auto at = [&](size_t row) {
    if (fractions.size() == 1) return points[row][0];
    const double v = (fraction - fractions[right - 1]) / (fractions[right] - fractions[right - 1]);
    const double left = points[row][right - 1];
    return std::max(0.0, left + (points[row][right] - left) * v);
  };
  const auto wanted = std::llround(part * static_cast<double>(outputs));
  const int64_t count = (std::max<int64_t>(1, wanted) + lanes - 1) / lanes * lanes;
  size_t row = 0;
  while (row + 1 < counts.size() && counts[row + 1] < count) ++row;
  if (row + 1 == counts.size() || count <= counts[row]) return at(row);
  const double u =
      static_cast<double>(count - counts[row]) / static_cast<double>(counts[row + 1] - counts[row]);
  return at(row) + (at(row + 1) - at(row)) * std::min(u, 1.0);
}

}  // namespace deftnn
