// How channels pass through a change of shape.
#pragma once

#include <optional>

#include "deftnn/ops/channels.h"

namespace deftnn {

/// The labels of a row-major tensor of shape `from` once it reads as shape `to`: on the first axis
/// of `to` whose position alone says the channel. N x C x H x W flattened to N x CHW repeats each
/// label H*W times. Nothing when there is no such axis.
std::optional<ChannelLabels> LabelsReshaped(const ChannelLabels& labels, const Shape& from,
                                            const Shape& to);

}  // namespace deftnn
