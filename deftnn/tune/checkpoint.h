// Where a fine-tuning stands, as a file that a killed run is resumed from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/tune/optimizer.h"

namespace deftnn {

/// What a run works on: another network, other data or other options are another run.
struct RunIdentity {
  uint32_t network = 0, data = 0, options = 0;  // checksums
};

/// Everything that the next step depends on. Random choices follow from the seed and the step.
struct TrainingState {
  int64_t step = 0;                      // taken so far
  int64_t since_best = 0;                // held-out checks since the best one
  int64_t best_step = 0;                 // 0: the untouched network
  double first_loss = 0, best_loss = 0;  // held-out, of the untouched network and of the best
  double seconds = 0;                    // worked so far
  bool finished = false;
  std::vector<std::vector<float>> values;  // float32 masters, one entry a constant
  std::vector<Moments> moments;
  std::vector<std::vector<float>> best;  // values of the best step
};

/// The bytes of a checkpoint file: little-endian, with a checksum at its end.
std::string EncodeCheckpoint(const RunIdentity& identity, const TrainingState& state);
/// Errors, without a file name: not a checkpoint, damaged, of another run (what differs is named).
Result<TrainingState> DecodeCheckpoint(const std::string& bytes, const RunIdentity& identity);

}  // namespace deftnn
