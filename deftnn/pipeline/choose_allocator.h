// Which way to weigh layers' errors suits a network: tried, not guessed.
#pragma once

#include <vector>

#include "deftnn/pipeline/search.h"

namespace deftnn {

/// Sets `setting.allocator` to the one of `allocators` whose candidate at this ratio of dense cost
/// to budget has the least mean KL divergence from the original over `samples`, and hands that
/// candidate on in `setting.made`. Layers' errors are measured one at a time; only a whole
/// candidate shows how they add up. `allocators` has at least one and outlives the setting.
Status ChooseAllocator(const std::vector<Allocator>& allocators, double ratio,
                       const Dataset& samples, SearchSetting& setting);

}  // namespace deftnn
