#include "deftnn/pipeline/network_id.h"

#include "deftnn/base/crc32c.h"
#include "deftnn/package/graph_codec.h"

namespace deftnn {

Result<std::string> NetworkId(const Graph& graph) {
  DEFTNN_ASSIGN_OR_RETURN(const deft::EncodedGraph encoded, deft::EncodeGraph(graph));
  uint32_t checksum = Crc32c(std::as_bytes(std::span(encoded.graph)));
  for (const Tensor& tensor : encoded.contents) {
    checksum = Crc32c({tensor.data(), tensor.bytes()}, checksum);
  }
  return fmt::format("{:08x}", checksum);
}

}  // namespace deftnn
