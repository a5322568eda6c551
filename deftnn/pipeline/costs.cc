#include "deftnn/pipeline/costs.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "deftnn/base/file.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/network_id.h"
#include "deftnn/runtime/session.h"

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

// The least of several turns, by node. Profiles are medians of a few runs.
Result<std::map<std::string, double>> LeastTimes(const Graph& graph, int64_t batch, Format format,
                                                 Isa isa) {
  constexpr int kTurns = 12, kRunsOfTurn = 5;
  DEFTNN_ASSIGN_OR_RETURN(
      const std::unique_ptr<Session> session,
      Session::Create(graph, format, {.threads = 1, .isa = isa, .packed = nullptr}));
  const std::vector<Tensor> inputs = RandomInputs(graph, batch, 1);
  std::map<std::string, double> least;
  for (int turn = 0; turn < kTurns; ++turn) {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<StepProfile> steps,
                            session->Profile(inputs, kRunsOfTurn));
    for (const StepProfile& step : steps) {
      const auto [at, is_new] = least.emplace(step.node, step.median_ms);
      at->second = std::min(at->second, step.median_ms);
    }
  }
  return least;
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

Result<std::vector<double>> CostTable::NodesMs(const Graph& graph, int64_t batch, Format format,
                                               const std::vector<std::string>& nodes) {
  DEFTNN_ASSIGN_OR_RETURN(const std::string network, NetworkId(graph));
  std::optional<std::map<std::string, double>> measured;
  std::vector<double> times;
  for (const std::string& node : nodes) {
    const std::string key =
        fmt::format("{} node {} of {}, batch {}", NameOf(format), node, network, batch);
    if (!ms_.contains(key)) {
      if (!measured) {
        DEFTNN_ASSIGN_OR_RETURN(measured, LeastTimes(graph, batch, format, isa_));
      }
      ms_[key] = agree_(measured->at(node));
      changed_ = true;
    }
    times.push_back(ms_.at(key));
  }
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

CostModel::Surface CostModel::PlanSurface(const ProductGeometry& whole, int64_t lanes,
                                          std::vector<double> fractions,
                                          const EntriesAt& entries_at,
                                          std::vector<ProductGeometry>& products) {
  const int64_t outputs = whole.spec.outputs;
  Surface surface{outputs, lanes, CountsToMeasure(outputs, lanes), std::move(fractions), {}};
  for (const int64_t count : surface.counts) {
    for (const double fraction : surface.fractions) {
      ProductGeometry& part = products.emplace_back(whole);
      part.spec.outputs = std::min(count, outputs);
      if (fraction < 1.0) part.spec.entries = entries_at(fraction);
      part.output.channels = part.spec.outputs;
    }
    surface.points.emplace_back(surface.fractions.size());
  }
  return surface;
}

Result<CostModel> CostModel::Measure(const Graph& graph, const std::vector<ValueInfo>& infos,
                                     int64_t batch, const std::vector<Layer>& layers,
                                     const FormatOffers& formats,
                                     const std::vector<std::string>& groupings, CostTable& table) {
  CostModel model;
  std::vector<ProductGeometry> products;  // in the order of the surfaces' points
  std::vector<int64_t> widest;            // by layer: the most lanes of any format
  for (const Layer& layer : layers) {
    const Node& node = graph.node(graph.FindNode(layer.name));
    LayerCosts& costs = model.layers_.emplace_back();
    std::map<Format, std::pair<ProductGeometry, int64_t>> offered;  // and outputs of a vector
    widest.push_back(1);
    for (const Format format : formats.Of(node.name)) {
      DEFTNN_ASSIGN_OR_RETURN(const ProductGeometry geometry,
                              GeometryOf(graph, infos, node, format));
      const int64_t lanes = gemm::Select(geometry.spec, table.isa())->code.lanes;
      offered.emplace(format, std::pair(geometry, lanes));
      widest.back() = std::max(widest.back(), lanes);
    }
    if (!layer.producers.empty() && layer.why_not.empty()) {
      int64_t most = 1;
      for (const int producer : layer.producers) most = std::max(most, widest[producer]);
      costs.channel_levels = ChannelLevels(layer.layout.channels, most);
    }
    for (const auto& [format, product] : offered) {
      const auto& [geometry, lanes] = product;
      Surfaces& surfaces = costs.by_format[format];
      surfaces.channels = PlanSurface(
          geometry, lanes, {costs.channel_levels.rbegin(), costs.channel_levels.rend()},
          [&](double fraction) { return FirstChannels(layer.layout, fraction); }, products);
      if (!layer.why_not.empty()) continue;  // it is never cut
      for (const std::string& name : groupings) {
        DEFTNN_ASSIGN_OR_RETURN(const Grouping* grouping, FindGrouping(name));
        const EntryGroups groups = grouping->make(layer.layout);
        surfaces.fine.push_back(PlanSurface(
            geometry, lanes, {std::begin(kFineFractions), std::end(kFineFractions)},
            [&](double fraction) { return SpreadEntries(groups, fraction); }, products));
      }
    }
  }
  const std::vector<double> times = table.Ms(products);
  auto ms = times.begin();
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto fill = [&](Surface& surface) {
      for (std::vector<double>& row : surface.points)
        for (double& point : row) point = *ms++ * static_cast<double>(layers[i].groups);
    };
    for (auto& [format, surfaces] : model.layers_[i].by_format) {
      fill(surfaces.channels);
      for (Surface& surface : surfaces.fine) fill(surface);
    }
  }
  DEFTNN_RETURN_IF_ERROR(model.MeasureOthers(graph, batch, layers, formats, table));
  return model;
}

Status CostModel::MeasureOthers(const Graph& graph, int64_t batch, const std::vector<Layer>& layers,
                                const FormatOffers& formats, CostTable& table) {
  std::vector<std::string> nodes;
  for (const auto& [node, harm] : formats.harm) {
    const auto is_node = [&](const Layer& layer) { return layer.name == node; };
    if (std::none_of(layers.begin(), layers.end(), is_node)) nodes.push_back(node);
  }
  if (nodes.empty()) return {};
  for (const Format format : {Format::kFp32, Format::kDfp16}) {
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<double> ms,
                            table.NodesMs(graph, batch, format, nodes));
    for (size_t i = 0; i < nodes.size(); ++i) others_[nodes[i]][format] = ms[i];
  }
  return {};
}

CostModel CostModel::CountMacs(const std::vector<Layer>& layers) {
  CostModel model;
  for (const Layer& layer : layers) {
    LayerCosts& costs = model.layers_.emplace_back();
    if (!layer.producers.empty()) costs.channel_levels = ChannelLevels(layer.layout.channels, 1);
    const auto macs = static_cast<double>(layer.macs());
    for (const Format format : {Format::kFp32, Format::kDfp16}) {
      costs.by_format[format].channels = {
          layer.outputs, 1, {0, layer.outputs}, {0.0, 1.0}, {{0.0, 0.0}, {0.0, macs}}};
    }
  }
  return model;
}

double CostModel::Cost(size_t layer, Format format, double outputs,
                       const KeptFraction& kept) const {
  const Surfaces& costs = layers_.at(layer).by_format.at(format);
  const double channels = costs.channels.At(outputs, kept.channels);
  if (kept.fine >= 1.0) return channels;
  if (costs.fine.empty()) return channels * kept.fine;
  const Surface& fine = costs.fine.at(kept.grouping);
  return channels * fine.At(outputs, kept.fine) / fine.At(outputs, 1.0);
}

std::vector<std::string> CostModel::OtherNodes() const {
  std::vector<std::string> nodes;
  for (const auto& [node, costs] : others_) nodes.push_back(node);
  return nodes;
}

double CostModel::CostOfOther(const std::string& node, Format format) const {
  return others_.at(node).at(format);
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
