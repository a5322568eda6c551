// Data as a network wants it: types, shapes and batches.
#pragma once

#include <string>
#include <vector>

#include "deftnn/data/dataset.h"
#include "deftnn/graph/graph.h"
#include "deftnn/pipeline/options.h"

namespace deftnn {

/// Opens DATA for the inputs of `graph`, with the options' labels and preprocessing, and checks
/// that samples fit the inputs. Errors name the file.
Result<Dataset> OpenDataFor(const Graph& graph, const std::string& path,
                            const CommonOptions& options);

/// The batch size that `graph` is fixed to, or 0 when any will do.
int64_t FixedBatch(const Graph& graph);

/// One batch for the network: element types converted, sample shapes taken as declared.
struct Feed {
  std::vector<Tensor> inputs;
  std::vector<int64_t> labels;
};
Result<Feed> MakeFeed(const Graph& graph, const Dataset& data, int64_t begin, int64_t count);

/// The largest batch up to `wanted` that `graph` takes.
int64_t BatchFor(const Graph& graph, int64_t wanted);

/// Seeded inputs of the declared types and shapes for timing, where there is no data: floats from
/// the standard normal, integers small enough to index with.
std::vector<Tensor> RandomInputs(const Graph& graph, int64_t batch, uint64_t seed);

}  // namespace deftnn
