// The six things that DeftNN does, each in a file of its own name.
#pragma once

#include "deftnn/base/status.h"
#include "deftnn/pipeline/options.h"
#include "deftnn/report/records.h"

namespace deftnn {

/// Makes a network faster within the goal and writes it, with its report, to options.output.
Result<OptimizeRecord> Optimize(const OptimizeOptions& options);
/// Trains a network's weights, as it is or reduced, and writes it to options.output.
Result<TuneRecord> Tune(const TuneOptions& options);
/// Measures latency, per layer and against another network where asked.
Result<BenchRecord> Bench(const BenchOptions& options);
/// Scores a network on data.
Result<EvalRecord> Evaluate(const EvalOptions& options);
/// Runs a network once and writes each output as OUTPUT/<name>.npy.
Status RunModel(const RunOptions& options);
/// Describes a network: inputs, outputs, layers, sizes.
Result<InspectRecord> Inspect(const InspectOptions& options);

}  // namespace deftnn
