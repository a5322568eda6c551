// The packed blob: header, K steps, bias, weights, each part aligned to 64 bytes.
#pragma once

#include <cstdint>

#include "deftnn/base/activation_kind.h"

namespace deftnn::gemm {

inline constexpr char kPackedMagic[8] = {'D', 'F', 'T', 'N', 'G', 'E', 'M', 'M'};
inline constexpr uint32_t kPackedVersion = 3;

/// At the blob's start. Little endian, as every CPU that we run on.
struct PackedHeader {
  char magic[8];
  uint32_t version;
  uint32_t checksum;                  // CRC-32C of header (this field zero) and K steps
  char kernel[32];                    // its name, zero-padded
  int32_t group, lanes, max_vectors;  // the layout, which must be the named kernel's
  int32_t activation;                 // an Activation
  float alpha, beta;
  int32_t contiguous_pixels;  // pairs may cross pixels
  int32_t chunk_entries;      // of kernels of matrix tiles; else 0
  int64_t outputs, channels;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int64_t steps;
  int64_t steps_at, bias_at, weights_at, bytes;  // offsets into the blob, and its size
};

}  // namespace deftnn::gemm
