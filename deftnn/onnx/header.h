// What an ONNX file says about itself, without reading its weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace deftnn {

struct OnnxHeader {
  int64_t ir_version = 0;  // 0: not said
  int64_t opset = 0;       // of ai.onnx; 0: not said
  std::string producer;    // "pytorch 2.1.0"; empty: not said
};

/// Reads as far as it understands the bytes: a file that is no model gives an empty header, for
/// ImportOnnx is what refuses it. The graph is skipped, so the time does not depend on its size.
OnnxHeader ReadOnnxHeader(std::span<const std::byte> bytes);

}  // namespace deftnn
