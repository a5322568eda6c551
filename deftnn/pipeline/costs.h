// What layers cost when parts of them are gone: measured on this machine, kept in a file when
// asked, and interpolated in between.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/format_offers.h"
#include "deftnn/pipeline/reduce.h"
#include "deftnn/runtime/measure_product.h"

namespace deftnn {

/// Everything measured that a choice rests on: the same table leads to the same choices. One table
/// belongs to one CPU and ISA; it holds for any number of threads.
class CostTable {
 public:
  explicit CostTable(Isa isa) : isa_(isa), timer_(isa) {}

  /// Reads a table that Write made; an error when it was measured for another ISA.
  Status Read(const std::string& path);
  Status Write(const std::string& path) const;

  /// The times of products on one thread in milliseconds, those that the table does not have
  /// measured together. What the other threads of the machine do meanwhile does not count: it would
  /// otherwise decide which layers are cut.
  std::vector<double> Ms(std::span<const ProductGeometry> products);

  /// The times of nodes, whatever they compute, on one thread and within their network, whose
  /// weights are all in `format`. `graph`: canonical, fp32.
  Result<std::vector<double>> NodesMs(const Graph& graph, int64_t batch, Format format,
                                      const std::vector<std::string>& nodes);

  /// How many times as fast one network was as another, by a name for the comparison that holds the
  /// NetworkIds of both; nothing where they were not compared.
  std::optional<double> Speedup(const std::string& comparison) const;
  /// Gives the ratio that is kept.
  double SetSpeedup(const std::string& comparison, double ratio);

  /// What is measured from now on goes through this before it is kept.
  void AgreeBy(std::function<double(double)> agree) { agree_ = std::move(agree); }

  Isa isa() const { return isa_; }
  /// Whether the table holds anything that Read did not bring or Write has not kept.
  bool changed() const { return changed_; }

 private:
  Isa isa_;
  mutable bool changed_ = false;
  ProductTimer timer_;
  std::function<double(double)> agree_ = [](double value) { return value; };
  std::map<std::string, double> ms_, speedups_;
};

/// The largest share of K below all of it that finer groups are offered.
inline constexpr double kMostFine = 0.86;

/// What each layer costs, from measured points: over (outputs kept, input channels kept), and how
/// many times less with a part of K gone in groups of each kind, which kernels do not all read as
/// easily; in each format that it may be in. Outputs lie in vector lanes: 33 cost what 48 cost
/// where a vector has 16, and the model says so.
class CostModel {
 public:
  /// In milliseconds, at the shapes of `infos`, which are those of `batch` samples; finer groups
  /// are of one of `groupings`.
  static Result<CostModel> Measure(const Graph& graph, const std::vector<ValueInfo>& infos,
                                   int64_t batch, const std::vector<Layer>& layers,
                                   const FormatOffers& formats,
                                   const std::vector<std::string>& groupings, CostTable& table);
  /// In multiply-adds, which know neither lanes nor groupings nor formats.
  static CostModel CountMacs(const std::vector<Layer>& layers);

  /// `outputs` as a fraction of the layer's own, in (0, 1]; `format`: one that was offered.
  double Cost(size_t layer, Format format, double outputs, const KeptFraction& kept) const;
  /// Nodes that are no layers and whose format is open, in no particular order.
  std::vector<std::string> OtherNodes() const;
  /// What one of them costs.
  double CostOfOther(const std::string& node, Format format) const;
  /// Shares of a layer's input channels that are worth offering, 1 first and falling: counts that
  /// fill the vectors of the layers that make them, or halves and quarters of vectors where there
  /// are few. 1 alone where no layer that makes them can be cut.
  const std::vector<double>& channel_levels(size_t layer) const {
    return layers_.at(layer).channel_levels;
  }

 private:
  /// Bilinear between measured points; constant below the first output count.
  struct Surface {
    int64_t outputs = 1, lanes = 1;
    std::vector<int64_t> counts;                    // of outputs, rising: multiples of the lanes
    std::vector<double> fractions;                  // rising
    std::vector<std::vector<double>> points;        // [count][fraction]
    double At(double part, double fraction) const;  // `part`: of the outputs
  };
  /// The share of K that is kept, as entries.
  using EntriesAt = std::function<std::vector<int64_t>(double fraction)>;
  /// Points yet without times; what is to be measured for them goes behind `products`.
  static Surface PlanSurface(const ProductGeometry& whole, int64_t lanes,
                             std::vector<double> fractions, const EntriesAt& entries_at,
                             std::vector<ProductGeometry>& products);
  Status MeasureOthers(const Graph& graph, int64_t batch, const std::vector<Layer>& layers,
                       const FormatOffers& formats, CostTable& table);
  struct Surfaces {
    Surface channels;           // over the share of channels kept
    std::vector<Surface> fine;  // by grouping, over the share of K kept; none: multiply-adds
  };
  struct LayerCosts {
    std::vector<double> channel_levels = {1.0};
    std::map<Format, Surfaces> by_format;
  };
  std::vector<LayerCosts> layers_;
  std::map<std::string, std::map<Format, double>> others_;  // of nodes that are no layers
};

}  // namespace deftnn
