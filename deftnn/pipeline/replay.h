// Runs data through a network stretch by stretch, so that a front part that does not change any
// more runs once however often the rest does.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "deftnn/data/dataset.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/pipeline/score.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

struct ReplayOptions {
  int64_t batch = 32;
  SessionOptions session;
  FormatChoice format;  // that the network runs in
  /// What is live between two stretches is kept for all of the data if it fits; where it does not,
  /// the next stretch begins where the last one did.
  int64_t most_bytes = int64_t{1} << 30;
};

class Replay {
 public:
  /// By name of its value: what is live before a node, for one batch.
  using Live = std::map<std::string, Tensor>;
  using Visit = std::function<Status(int64_t first_sample, const Live& live)>;

  /// `data` outlives the replay.
  Replay(const Dataset& data, const ReplayOptions& options) : data_(data), options_(options) {}

  /// Runs every sample of the data up to `node`, which no stretch has passed, and hands each batch
  /// to `visit` (may be null). Up to where the last stretch ended `graph` is what it was then.
  Status RunTo(const Graph& graph, const std::string& node, const Visit& visit);
  /// Runs every sample to the end; what follows the last stretch may differ from call to call.
  Result<Outputs> RunToEnd(const Graph& graph);

 private:
  int64_t Batch(const Graph& graph) const;
  Result<std::unique_ptr<Session>> Open(const Graph& graph, int to) const;
  Result<Live> Before(const Graph& graph, int64_t begin, int64_t count, size_t batch) const;

  const Dataset& data_;
  const ReplayOptions options_;
  int done_ = 0;            // nodes behind which the next stretch begins
  bool stored_ = false;     // is what is live there kept? If not, it is the data
  std::vector<Live> live_;  // by batch
};

}  // namespace deftnn
