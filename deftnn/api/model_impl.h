// What a v1::Model is a handle of.
#pragma once

#include <vector>

#include "deftnn/model.h"
#include "deftnn/pipeline/load_model.h"

namespace deftnn::v1 {

struct Model::Impl {
  LoadedModel loaded;
  std::vector<TensorInfo> inputs, outputs;
};

}  // namespace deftnn::v1
