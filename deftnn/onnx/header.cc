#include "deftnn/onnx/header.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <climits>

namespace deftnn {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr uint32_t Tag(int field, WireFormatLite::WireType type) {
  return static_cast<uint32_t>(field) << 3 | type;
}

constexpr uint32_t kIrVersion =
    Tag(onnx::ModelProto::kIrVersionFieldNumber, WireFormatLite::WIRETYPE_VARINT);
constexpr uint32_t kProducer =
    Tag(onnx::ModelProto::kProducerNameFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
constexpr uint32_t kProducerVersion =
    Tag(onnx::ModelProto::kProducerVersionFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
constexpr uint32_t kOpsetImport =
    Tag(onnx::ModelProto::kOpsetImportFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);

bool ReadText(CodedInputStream& stream, std::string& text) {
  uint32_t length = 0;
  return stream.ReadVarint32(&length) && length <= INT_MAX &&
         stream.ReadString(&text, static_cast<int>(length));
}

bool ReadOpset(CodedInputStream& stream, int64_t& opset) {
  std::string bytes;
  onnx::OperatorSetIdProto set;
  if (!ReadText(stream, bytes) || !set.ParseFromString(bytes)) return false;
  if (set.domain().empty() || set.domain() == "ai.onnx") opset = set.version();
  return true;
}

}  // namespace

OnnxHeader ReadOnnxHeader(std::span<const std::byte> bytes) {
  OnnxHeader header;
  std::string version;
  CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                          static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX)));
  bool good = true;
  while (good) {
    const uint32_t tag = stream.ReadTag();
    if (tag == 0) break;
    if (tag == kIrVersion) {
      uint64_t value = 0;
      good = stream.ReadVarint64(&value);
      header.ir_version = static_cast<int64_t>(value);
    } else if (tag == kProducer) {
      good = ReadText(stream, header.producer);
    } else if (tag == kProducerVersion) {
      good = ReadText(stream, version);
    } else if (tag == kOpsetImport) {
      good = ReadOpset(stream, header.opset);
    } else {
      good = WireFormatLite::SkipField(&stream, tag);
    }
  }
  if (!header.producer.empty() && !version.empty()) header.producer += " " + version;
  return header;
}

}  // namespace deftnn
