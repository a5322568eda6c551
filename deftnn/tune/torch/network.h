// A canonical graph as a LibTorch network: engine.h's TrainableNetwork.
#pragma once

#include <memory>
#include <vector>

#include "deftnn/tune/engine.h"

namespace deftnn::torch_engine {

/// Errors name the node. Exceptions of LibTorch do not leave: they become errors.
Result<std::unique_ptr<TrainableNetwork>> Rebuild(const Graph& graph,
                                                  const std::vector<ValueId>& outputs, int threads);

/// engine.h's prepare_thread.
void PrepareThread();

}  // namespace deftnn::torch_engine
