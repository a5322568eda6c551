#include "deftnn/pipeline/never_slower.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "deftnn/base/log.h"
#include "deftnn/report/numbers.h"

namespace deftnn {

Result<LayerTimes> TimeLayers(const Graph& reduced, int64_t batch, const FormatChoice& format,
                              const std::vector<Layer>& layers,
                              const std::vector<KeptFraction>& kept, const TimesOfProducts& time) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos,
                          InferShapes(reduced, DefaultInputs(reduced, batch)));
  struct Timed {
    size_t layer, now;            // `now` and `whole` are indices of products
    std::optional<size_t> whole;  // with all inputs, where some were cut
  };
  std::vector<Timed> timed;
  std::vector<ProductGeometry> products;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int index = reduced.FindNode(layers[i].name);
    if (index < 0) continue;
    const Node& node = reduced.node(index);
    DEFTNN_ASSIGN_OR_RETURN(ProductGeometry geometry,
                            GeometryOf(reduced, infos, node, format.of(node)));
    timed.push_back({i, products.size(), std::nullopt});
    products.push_back(geometry);
    DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
    const int64_t all = FullK(node, product);
    if (kept[i].fine >= 1.0 || static_cast<int64_t>(geometry.spec.entries.size()) == all) continue;
    geometry.spec.entries.resize(static_cast<size_t>(all));
    std::iota(geometry.spec.entries.begin(), geometry.spec.entries.end(), 0);
    timed.back().whole = products.size();
    products.push_back(std::move(geometry));
  }
  const std::vector<double> ms = time(products);
  LayerTimes times;
  for (const Timed& of : timed) {
    const double now = ms[of.now];
    times.sum_ms += now * static_cast<double>(layers[of.layer].groups);
    if (!of.whole) continue;
    const double whole = ms[*of.whole];
    if (now < (1 - kLeastGain) * whole) continue;
    times.slow.push_back(
        {of.layer,
         fmt::format("did not get faster: measured {} with {} of {} entries of K against {}",
                     FormatMilliseconds(now), products[of.now].spec.entries.size(),
                     products[*of.whole].spec.entries.size(), FormatMilliseconds(whole))});
  }
  return times;
}

Result<Candidate> RestoreSlowLayers(const SearchSetting& setting, Candidate candidate,
                                    CostTable& costs, std::vector<std::string>& reasons) {
  const TimesOfProducts time = [&](std::span<const ProductGeometry> products) {
    return costs.Ms(products);
  };
  const auto times_of = [&](const Candidate& made) {
    return TimeLayers(made.reduced.graph, setting.batch, made.recipe.format, setting.layers,
                      made.recipe.kept, time);
  };
  DEFTNN_ASSIGN_OR_RETURN(const LayerTimes before, times_of(candidate));
  if (before.slow.empty()) return candidate;
  Recipe recipe = candidate.recipe;
  for (const SlowLayer& slow : before.slow)
    recipe.kept[slow.layer] = {recipe.kept[slow.layer].channels};
  DEFTNN_ASSIGN_OR_RETURN(Candidate restored, MakeCandidate(setting, recipe));
  DEFTNN_ASSIGN_OR_RETURN(const LayerTimes after, times_of(restored));
  DEFTNN_ASSIGN_OR_RETURN(const Drop cut_drop, JudgeCandidate(setting, candidate));
  DEFTNN_ASSIGN_OR_RETURN(const Drop whole_drop, JudgeCandidate(setting, restored));
  const bool better =
      whole_drop.points <= cut_drop.points && after.sum_ms <= (1 + kLeastGain) * before.sum_ms;
  spdlog::info("{} layer{} did not get faster: {}", before.slow.size(),
               before.slow.size() == 1 ? "" : "s",
               better ? "restored" : "kept cut, for the others");
  if (!better) return candidate;
  for (const SlowLayer& slow : before.slow) reasons.at(slow.layer) = slow.reason;
  return restored;
}

}  // namespace deftnn
