#include "deftnn/pipeline/choose_format.h"

#include <algorithm>

#include "deftnn/base/log.h"
#include "deftnn/pipeline/feed.h"
#include "deftnn/pipeline/latency.h"
#include "deftnn/pipeline/network_id.h"

namespace deftnn {
namespace {

// A format's drop is small and even: fewer samples show it than a reduction's, and fewer still
// which nodes it comes from.
constexpr int64_t kSamples = 2048, kSamplesOfNode = 64;
constexpr double kSeconds = 0.5;
// Beyond this share of nodes in fp32, conversions between the formats eat what the others win.
constexpr double kMostInFp32 = 0.5;

struct Trial {
  double points = 0;   // lost
  double speedup = 1;  // over the original
};

class Chooser {
 public:
  explicit Chooser(const FormatSetting& setting)
      : setting_(setting), graph_(setting.original.graph()) {}

  Result<ChosenFormat> Choose() {
    DEFTNN_ASSIGN_OR_RETURN(const Trial half, Try(Format::kDfp16));
    spdlog::info("dfp16: {:.2f}x the speed of fp32, {:+.2f} points", half.speedup, -half.points);
    if (half.speedup <= 1.0) {
      return ChosenFormat{Format::kFp32, "dfp16 is not faster than fp32 on this machine", {}};
    }
    if (half.points <= setting_.allowed_points) return ChosenFormat{Format::kDfp16, "", {}};
    return Mix(half.points);
  }

 private:
  // The fewest nodes in fp32, those of the greatest harm, found by bisection.
  Result<ChosenFormat> Mix(double points_of_half) {
    ChosenFormat chosen{
        Format::kFp32,
        fmt::format("dfp16 loses {:.2f} points on the selection data", points_of_half),
        {}};
    DEFTNN_ASSIGN_OR_RETURN(chosen.harms, RankNodes());
    const std::vector<NodeHarm>& harms = chosen.harms;
    const auto most = static_cast<size_t>(kMostInFp32 * static_cast<double>(harms.size()));
    const auto with = [&](size_t count) {
      FormatChoice choice(Format::kDfp16);
      for (size_t i = 0; i < count; ++i) choice.in_fp32.insert(harms[i].node);
      return choice;
    };
    const auto harmless = [&](size_t count) -> Result<bool> {
      DEFTNN_ASSIGN_OR_RETURN(const double points, PointsOf(with(count)));
      return points <= setting_.allowed_points;
    };
    DEFTNN_ASSIGN_OR_RETURN(const bool possible, harmless(most));
    if (!possible) return chosen;
    size_t too_few = 0, enough = most;
    while (enough - too_few > 1) {
      const size_t middle = (too_few + enough) / 2;
      DEFTNN_ASSIGN_OR_RETURN(const bool good, harmless(middle));
      (good ? enough : too_few) = middle;
    }
    DEFTNN_ASSIGN_OR_RETURN(const Trial mixed, Try(with(enough)));
    spdlog::info("dfp16 but for {} of {} nodes: {:.2f}x the speed of fp32, {:+.2f} points", enough,
                 harms.size(), mixed.speedup, -mixed.points);
    if (mixed.speedup > 1.0) chosen.choice = with(enough);
    return chosen;
  }

  // The most harmful first.
  Result<std::vector<NodeHarm>> RankNodes() {
    std::vector<NodeHarm> harms;
    for (const Node& node : graph_.nodes())
      if (HasFormat(node)) harms.push_back({node.name, {}});
    const Outputs reference = First(kSamplesOfNode);
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Yardstick> yardsticks,
                            YardsticksOfLoss(setting_.yardstick, reference));
    for (NodeHarm& harm : harms) {
      FormatChoice alone(Format::kDfp16);
      for (const NodeHarm& other : harms)
        if (other.node != harm.node) alone.in_fp32.insert(other.node);
      DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Open(alone));
      DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(*session, DataOf(reference)));
      for (const Yardstick& yardstick : yardsticks) {
        DEFTNN_ASSIGN_OR_RETURN(const double loss, LossOf(reference, outputs, yardstick));
        harm.losses.push_back(loss);
      }
    }
    std::stable_sort(harms.begin(), harms.end(), [](const NodeHarm& a, const NodeHarm& b) {
      return a.losses[0] > b.losses[0];
    });
    return harms;
  }

  Result<std::unique_ptr<Session>> Open(const FormatChoice& choice) const {
    return Session::Create(graph_, choice,
                           {.threads = setting_.original.threads(),
                            .isa = setting_.original.isa(),
                            .packed = nullptr});
  }

  // The reference's first batches, which hold at least `samples` where there are so many.
  Outputs First(int64_t samples) const {
    Outputs first;
    int64_t count = 0;
    for (const Outputs::Part& part : setting_.reference.parts) {
      if (count >= samples) break;
      first.parts.push_back(part);
      count += part.count;
    }
    return first;
  }
  Dataset DataOf(const Outputs& outputs) const {
    int64_t count = 0;
    for (const Outputs::Part& part : outputs.parts) count += part.count;
    return setting_.selection.Slice(0, count);
  }

  Result<double> PointsLost(Session& session) const {
    // A command is given all samples: it may need them to make a figure at all.
    const Dataset data =
        setting_.yardstick.command.empty() ? DataOf(First(kSamples)) : setting_.selection;
    DEFTNN_ASSIGN_OR_RETURN(const Outputs outputs, RunOver(session, data));
    DEFTNN_ASSIGN_OR_RETURN(const Drop drop,
                            DropOf(outputs, setting_.reference, setting_.score, data,
                                   setting_.yardstick, setting_.output_names));
    return drop.points;
  }

  Result<double> PointsOf(const FormatChoice& choice) const {
    DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Open(choice));
    return PointsLost(*session);
  }

  Result<Trial> Try(const FormatChoice& choice) const {
    DEFTNN_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Open(choice));
    Trial trial;
    DEFTNN_ASSIGN_OR_RETURN(trial.speedup, SpeedupOf(*session));
    DEFTNN_ASSIGN_OR_RETURN(trial.points, PointsLost(*session));
    return trial;
  }

  // Over the original: from the table, or measured.
  Result<double> SpeedupOf(Session& session) const {
    DEFTNN_ASSIGN_OR_RETURN(const std::string original, NetworkId(graph_));
    DEFTNN_ASSIGN_OR_RETURN(const std::string formatted, NetworkId(session.graph()));
    const std::string comparison =
        fmt::format("{} over {}, batch {}", formatted, original, setting_.batch);
    if (const auto known = setting_.costs.Speedup(comparison)) return *known;
    const std::vector<Tensor> inputs = RandomInputs(graph_, setting_.batch, setting_.seed);
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Latency> latencies,
                            MeasureInterleaved({{&setting_.original, inputs}, {&session, inputs}},
                                               {.seconds = kSeconds, .iterations = 0}));
    return setting_.costs.SetSpeedup(comparison, latencies[0].median_ms / latencies[1].median_ms);
  }

  const FormatSetting& setting_;
  const Graph& graph_;
};

}  // namespace

Result<ChosenFormat> ChooseFormat(const FormatSetting& setting) {
  return Chooser(setting).Choose();
}

}  // namespace deftnn
