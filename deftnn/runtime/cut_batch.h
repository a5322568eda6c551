// The steps of a plan made for a whole batch, cut so that they run over parts of it.
#pragma once

#include <vector>

#include "deftnn/runtime/backend.h"
#include "deftnn/runtime/memory_plan.h"
#include "deftnn/runtime/sections.h"

namespace deftnn {

/// Sets each buffer's lifetime to the steps that touch it.
void MarkLifetimes(const std::vector<StepSpec>& specs, std::vector<Buffer>& buffers);

/// Chooses sections and makes the operands and buffers of their steps fit: what one section alone
/// touches has room for one of its parts, everything else for the whole batch, and lives as long as
/// the sections that touch it. `by_sample` says which steps keep samples apart; the lifetimes are
/// those of MarkLifetimes.
std::vector<Section> CutBatch(const std::vector<bool>& by_sample, int64_t batch,
                              const TrafficCosts& costs, std::vector<StepSpec>& specs,
                              std::vector<Buffer>& buffers);

}  // namespace deftnn
