// How many samples of a batch each step runs over at a time, so that what one step writes is still
// in a cache when the next one reads it.
#pragma once

#include <cstdint>
#include <vector>

namespace deftnn {

/// Consecutive steps [begin, end) that run over `samples` samples at a time; `samples` divides the
/// batch.
struct Section {
  int begin = 0, end = 0;
  int64_t samples = 1;
};

/// What moving data costs on a device. The times are those of two cores of an AMD EPYC (Zen 4); a
/// backend puts in others where it knows them.
struct TrafficCosts {
  int64_t near_bytes = 0;       // of the cache whose reading keeps up with the arithmetic: L2
  int64_t far_bytes = 0;        // of the next one, as far as it is ours: L3
  double far_ns = 1.0 / 130;    // a byte out of reach of the near cache
  double memory_ns = 1.0 / 24;  // beside that, a byte out of reach of the far cache
  double launch_ns = 1500;      // to start a step on all threads
};

/// What a step moves.
struct StepTraffic {
  bool by_sample = false;   // it may run over a part of the batch
  double weight_bytes = 0;  // read once for each part
  double sample_bytes = 0;  // activations read and written, of each sample
};

/// The sections with the least time spent on memory. `across[i]`: bytes a sample that are written
/// before step i and read from there on, in a section of another size through a buffer for the
/// whole batch; negative where steps i - 1 and i must be in one section. Nothing is measured.
std::vector<Section> ChooseSections(const std::vector<StepTraffic>& steps,
                                    const std::vector<double>& across, int64_t batch,
                                    const TrafficCosts& costs);

}  // namespace deftnn
