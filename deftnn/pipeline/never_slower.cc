#include "deftnn/pipeline/never_slower.h"

#include <algorithm>
#include <numeric>

#include "deftnn/base/log.h"
#include "deftnn/report/numbers.h"

namespace deftnn {

Result<LayerTimes> TimeLayers(const Graph& reduced, int64_t batch, const FormatChoice& format,
                              const std::vector<Layer>& layers,
                              const std::vector<KeptFraction>& kept, const TimeOfProduct& time) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos,
                          InferShapes(reduced, DefaultInputs(reduced, batch)));
  LayerTimes times;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int index = reduced.FindNode(layers[i].name);
    if (index < 0) continue;
    const Node& node = reduced.node(index);
    DEFTNN_ASSIGN_OR_RETURN(ProductGeometry geometry,
                            GeometryOf(reduced, infos, node, format.of(node)));
    const double now = time(geometry);
    times.sum_ms += now * static_cast<double>(layers[i].groups);
    DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
    const int64_t all = FullK(node, product);
    if (kept[i].fine >= 1.0 || static_cast<int64_t>(geometry.spec.entries.size()) == all) continue;
    const size_t entries = geometry.spec.entries.size();
    geometry.spec.entries.resize(static_cast<size_t>(all));
    std::iota(geometry.spec.entries.begin(), geometry.spec.entries.end(), 0);
    const double whole = time(geometry);
    if (now < (1 - kLeastGain) * whole) continue;
    times.slow.push_back(
        {i, fmt::format("did not get faster: measured {} with {} of {} entries of K against {}",
                        FormatMilliseconds(now), entries, all, FormatMilliseconds(whole))});
  }
  return times;
}

Result<Candidate> RestoreSlowLayers(const SearchSetting& setting, Candidate candidate,
                                    CostTable& costs, std::vector<std::string>& reasons) {
  const TimeOfProduct time = [&](const ProductGeometry& geometry) {
    return costs.Ms(geometry.spec, geometry.input, geometry.output);
  };
  const auto times_of = [&](const Candidate& made) {
    return TimeLayers(made.reduced.graph, setting.batch, setting.format, setting.layers, made.kept,
                      time);
  };
  DEFTNN_ASSIGN_OR_RETURN(const LayerTimes before, times_of(candidate));
  if (before.slow.empty()) return candidate;
  std::vector<KeptFraction> kept = candidate.kept;
  for (const SlowLayer& slow : before.slow) kept[slow.layer].fine = 1.0;
  DEFTNN_ASSIGN_OR_RETURN(Candidate restored, MakeCandidate(setting, kept));
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
