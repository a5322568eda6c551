#include "deftnn/tune/identity.h"

#include <algorithm>
#include <span>

#include "deftnn/base/crc32c.h"

namespace deftnn {
namespace {

constexpr int64_t kLookedAt = 256;  // samples whose contents count

template <typename T>
uint32_t Continue(const std::vector<T>& values, uint32_t checksum) {
  return Crc32c(std::as_bytes(std::span(values)), checksum);
}

}  // namespace

uint32_t ChecksumOf(const std::string& text) { return Crc32c(std::as_bytes(std::span(text))); }

uint32_t ChecksumOf(const Graph& graph) {
  uint32_t checksum = 0;
  for (const Node& node : graph.nodes()) {
    checksum = Crc32c(std::as_bytes(std::span(node.op)), checksum);
    checksum = Continue(node.inputs, checksum);
    checksum = Continue(node.outputs, checksum);
  }
  for (const Value& value : graph.values()) {
    if (!value.is_constant()) continue;
    checksum = Continue(value.constant.shape(), checksum);
    checksum = Crc32c({value.constant.data(), value.constant.bytes()}, checksum);
  }
  return checksum;
}

uint32_t ChecksumOf(const Dataset& data) {
  uint32_t checksum = Continue(data.labels(), Continue(data.indices(), 0));
  const int64_t step = std::max<int64_t>(1, data.size() / kLookedAt);
  for (int64_t at = 0; at < data.size(); at += step) {
    for (const Tensor& tensor : data.Batch(at, 1).inputs)
      checksum = Crc32c({tensor.data(), tensor.bytes()}, checksum);
  }
  return checksum;
}

}  // namespace deftnn
