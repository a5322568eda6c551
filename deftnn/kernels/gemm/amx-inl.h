// The AMX kernel, as a template over the tile unit: the hardware's (amx_bf16.cc) or a scalar
// emulation of it (amx_bf16_emulated_test.cc), so that the same code is tested on any CPU.
//
// A tile holds 16 rows of 64 bytes. The weights are laid out as for vdpbf16ps, which is what a B
// tile wants: 16 steps (pairs of entries) by 16 outputs. An A tile is gathered: 16 pixels by 16
// steps, read through the table of offsets. Gathering costs more than one multiplication, so that
// 32 pixels are gathered once for up to 256 outputs.
#pragma once

#include "deftnn/kernels/gemm/generic-inl.h"

namespace deftnn::gemm {
namespace {

constexpr int kTileRows = 16;  // pixels of an A tile, steps of a B tile
constexpr int kTileBytes = 64 * kTileRows;

template <class Tiles>
struct AmxRunner {
  static constexpr int kPixels = 2 * kTileRows;
  static constexpr int kChunks = 32;   // A tiles along K that are gathered at a time
  static constexpr int kVectors = 16;  // of outputs that share them
  static constexpr int kBlockVectors = 4;
  static constexpr int kStepBytes = 64;

  struct Scratch {
    alignas(64) uint32_t a[2][kChunks][kTileRows][kTileRows];
    alignas(64) float sums[kPixels * kVectors * 16];
    alignas(64) uint8_t last_weights[kTileRows][2 * kStepBytes];
    PixelBlock pixels;
  };

  // Rows of pixels that do not exist stay as they are: their sums are not used.
  static void Gather(const Job& job, int64_t first_step, int64_t steps, int64_t pixels,
                     Scratch& scratch) {
    for (int64_t chunk = 0; chunk * kTileRows < steps; ++chunk) {
      const int32_t* offsets = job.offsets + first_step + chunk * kTileRows;
      const int64_t left = steps - chunk * kTileRows;
      const int count = left < kTileRows ? static_cast<int>(left) : kTileRows;
      bool contiguous = count == kTileRows;
      for (int i = 1; contiguous && i < kTileRows; ++i) {
        contiguous = offsets[i] == offsets[0] + 4 * i;
      }
      for (int64_t p = 0; p < pixels; ++p) {
        uint32_t* row = scratch.a[p / kTileRows][chunk][p % kTileRows];
        const uint8_t* x = scratch.pixels.x[p];
        if (contiguous) {
          memcpy(row, x + offsets[0], 64);
        } else {
          GatherRow(x, offsets, count, row);
        }
      }
    }
  }

  static DEFTNN_INLINE void GatherRow(const uint8_t* x, const int32_t* offsets, int count,
                                      uint32_t* row) {
#if defined(__AVX512F__)
    const __mmask16 mask = static_cast<__mmask16>((1u << count) - 1);
    const __m512i index = _mm512_maskz_loadu_epi32(mask, offsets);
    _mm512_store_si512(row, _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, index, x, 1));
#else
    for (int i = 0; i < kTileRows; ++i) row[i] = i < count ? LoadWord(x + offsets[i]) : 0;
#endif
  }

  // sums[pixel][lane] += A . B for one or two tiles of pixels by one or two vectors of outputs.
  template <bool kTwoRows, bool kTwoVectors>
  static void Multiply(Tiles& tiles, Scratch& scratch, const uint8_t* w, int64_t w_stride,
                       int64_t steps, float* sums, int64_t lanes) {
    const int64_t stride = lanes * 4;
    float* const lower = sums + kTileRows * lanes;
    tiles.template Load<0>(sums, stride);
    if constexpr (kTwoVectors) tiles.template Load<1>(sums + 16, stride);
    if constexpr (kTwoRows) tiles.template Load<2>(lower, stride);
    if constexpr (kTwoRows && kTwoVectors) tiles.template Load<3>(lower + 16, stride);
    for (int64_t k = 0, chunk = 0; k < steps; k += kTileRows, ++chunk) {
      const uint8_t* b = w + k * w_stride;
      int64_t b_stride = w_stride;
      if (steps - k < kTileRows) {
        // The rows behind the last step belong to others; times zero they could still be NaN.
        memset(scratch.last_weights, 0, sizeof(scratch.last_weights));
        for (int64_t row = 0; row < steps - k; ++row) {
          memcpy(scratch.last_weights[row], b + row * w_stride, kTwoVectors ? 128 : 64);
        }
        b = scratch.last_weights[0];
        b_stride = sizeof(scratch.last_weights[0]);
      }
      tiles.template Load<4>(scratch.a[0][chunk], 64);
      tiles.template Load<6>(b, b_stride);
      tiles.template Multiply<0, 4, 6>();
      if constexpr (kTwoVectors) {
        tiles.template Load<7>(b + 64, b_stride);
        tiles.template Multiply<1, 4, 7>();
      }
      if constexpr (kTwoRows) {
        tiles.template Load<5>(scratch.a[1][chunk], 64);
        tiles.template Multiply<2, 5, 6>();
      }
      if constexpr (kTwoRows && kTwoVectors) tiles.template Multiply<3, 5, 7>();
    }
    tiles.template Store<0>(sums, stride);
    if constexpr (kTwoVectors) tiles.template Store<1>(sums + 16, stride);
    if constexpr (kTwoRows) tiles.template Store<2>(lower, stride);
    if constexpr (kTwoRows && kTwoVectors) tiles.template Store<3>(lower + 16, stride);
  }

  // One output block: all of its vectors, for the steps that are gathered.
  static void MultiplyBlock(Tiles& tiles, Scratch& scratch, const uint8_t* w, int64_t vectors,
                            int64_t steps, int64_t pixels, float* sums) {
    const int64_t lanes = vectors * 16, w_stride = vectors * kStepBytes;
    const bool two_rows = pixels > kTileRows;
    for (int64_t v = 0; v < vectors; v += 2) {
      const bool two_vectors = v + 1 < vectors;
      const auto multiply = two_rows
                                ? (two_vectors ? Multiply<true, true> : Multiply<true, false>)
                                : (two_vectors ? Multiply<false, true> : Multiply<false, false>);
      multiply(tiles, scratch, w + v * kStepBytes, w_stride, steps, sums + v * 16, lanes);
    }
  }

  // Pixels of the scratch's PixelBlock by output blocks [block_begin, block_end), at most kVectors.
  static void RunGroup(const Job& job, Tiles& tiles, Scratch& scratch, int64_t pixels,
                       int64_t block_begin, int64_t block_end) {
    const int64_t first_vector = job.FirstVector(block_begin);
    const auto sums_of = [&](int64_t block) __attribute__((always_inline)) {
      return scratch.sums + (job.FirstVector(block) - first_vector) * 16 * kPixels;
    };
    for (int64_t b = block_begin; b < block_end; ++b) {
      const int64_t first = job.FirstVector(b), lanes = (job.FirstVector(b + 1) - first) * 16;
      float* sums = sums_of(b);
      for (int64_t p = 0; p < kPixels; ++p) {
        memcpy(sums + p * lanes, job.bias + first * 16, static_cast<size_t>(lanes) * 4);
      }
    }
    for (int64_t k = 0; k < job.steps; k += kChunks * kTileRows) {
      const int64_t steps =
          job.steps - k < kChunks * kTileRows ? job.steps - k : kChunks * kTileRows;
      Gather(job, k, steps, pixels, scratch);
      for (int64_t b = block_begin; b < block_end; ++b) {
        const int64_t first = job.FirstVector(b), vectors = job.FirstVector(b + 1) - first;
        const uint8_t* w = job.weights + first * kStepBytes * job.steps + k * vectors * kStepBytes;
        MultiplyBlock(tiles, scratch, w, vectors, steps, pixels, sums_of(b));
      }
    }
    for (int64_t b = block_begin; b < block_end; ++b) {
      const int64_t first = job.FirstVector(b) * 16, lanes = job.FirstVector(b + 1) * 16 - first;
      const int64_t outputs = job.outputs - first < lanes ? job.outputs - first : lanes;
      for (int64_t p = 0; p < pixels; ++p) {
        const uint8_t* residual =
            job.residual == nullptr
                ? nullptr
                : scratch.pixels.residual[p] + first * (job.residual_dfp16 ? 2 : 4);
        FinishRow<static_cast<int>(deftnn::kLanes)>(
            job, sums_of(b) + p * lanes, residual,
            scratch.pixels.y[p] + first * (job.y_dfp16 ? 2 : 4), outputs);
      }
    }
  }

  static void Run(const Job& job, int64_t pixel_begin, int64_t pixel_end, int64_t block_begin,
                  int64_t block_end) {
    Scratch scratch;
    memset(scratch.a, 0, sizeof(scratch.a));
    Tiles tiles;
    constexpr int64_t kGroup = kVectors / kBlockVectors;  // output blocks
    for (int64_t p = pixel_begin; p < pixel_end; p += kPixels) {
      const int64_t pixels = pixel_end - p < kPixels ? pixel_end - p : kPixels;
      scratch.pixels.Fill(job, p, p + pixels);
      for (int64_t b = block_begin; b < block_end; b += kGroup) {
        RunGroup(job, tiles, scratch, pixels, b, b + kGroup < block_end ? b + kGroup : block_end);
      }
    }
  }

  static constexpr Code MakeCode() { return {HWY_STATIC_TARGET, 2, 16, kBlockVectors, Run}; }
};

}  // namespace
}  // namespace deftnn::gemm
