// The attributes of a node.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "deftnn/base/tensor.h"

namespace deftnn {

class Graph;

using Attribute =
    std::variant<int64_t, float, std::string, Tensor, std::vector<int64_t>, std::vector<float>,
                 std::vector<std::string>, std::shared_ptr<Graph>>;
using Attributes = std::map<std::string, Attribute>;

}  // namespace deftnn
