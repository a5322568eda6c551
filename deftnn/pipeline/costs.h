// What layers cost when parts of them are gone: measured on this machine, kept in a file when
// asked, and interpolated in between.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/layers.h"

namespace deftnn {

/// Everything measured that a choice rests on: the same table leads to the same choices. One table
/// belongs to one CPU and ISA; it holds for any number of threads.
class CostTable {
 public:
  explicit CostTable(Isa isa) : isa_(isa) {}

  /// Reads a table that Write made; an error when it was measured for another ISA.
  Status Read(const std::string& path);
  Status Write(const std::string& path) const;

  /// The time of this product on one thread in milliseconds, measured when the table does not have
  /// it. What the other threads of the machine do meanwhile does not count: it would otherwise
  /// decide which layers are cut.
  double Ms(const gemm::GemmSpec& spec, const Layout& input, const Layout& output);

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
  ThreadPool one_thread_{1};
  std::function<double(double)> agree_ = [](double value) { return value; };
  std::map<std::string, double> ms_, speedups_;
};

/// The cost of each layer over (outputs kept, K kept), from a few measured points. Outputs lie in
/// vector lanes: 33 cost what 48 cost where a vector has 16, and the model says so.
class CostModel {
 public:
  /// In milliseconds, at the shapes of `infos`, each layer in its `format`.
  static Result<CostModel> Measure(const Graph& graph, const std::vector<ValueInfo>& infos,
                                   const std::vector<Layer>& layers, const FormatChoice& format,
                                   CostTable& table);
  /// In multiply-adds, which know no lanes.
  static CostModel CountMacs(const std::vector<Layer>& layers);

  /// `outputs` and `k` as fractions of the layer's own, in (0, 1].
  double Cost(size_t layer, double outputs, double k) const;
  /// Outputs that cost no more than one: what channel counts are best multiples of.
  int64_t lanes(size_t layer) const { return surfaces_.at(layer).lanes; }

 private:
  static constexpr std::array<double, 3> kFractions = {0.25, 0.5, 1.0};
  /// Bilinear between measured points; constant below the first output count.
  struct Surface {
    int64_t outputs = 1, lanes = 1;
    std::vector<int64_t> counts;                // of outputs, rising: multiples of the lanes
    std::vector<std::array<double, 3>> points;  // [count][fraction of K]
  };
  std::vector<Surface> surfaces_;
};

}  // namespace deftnn
