// How calibration sees a running network without the runtime knowing what it is for.
#pragma once

#include <string>

#include "deftnn/base/tensor.h"

namespace deftnn {

class Observer {
 public:
  virtual ~Observer() = default;
  /// Asked once a run for each step's node: are its inputs wanted?
  virtual bool Wants(const std::string& node) const = 0;
  /// The node's first input and what a product adds to its sums (null: nothing), row-major
  /// float32, before the node runs. Return false to end the run here.
  virtual bool OnInput(const std::string& node, const Tensor& input, const Tensor* residual) = 0;
};

}  // namespace deftnn
