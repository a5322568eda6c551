// Offsets, blocking and the split of the work for given layouts; and running it.
#include <algorithm>
#include <cstring>
#include <limits>

#include "deftnn/base/check.h"
#include "deftnn/kernels/gemm/chunks.h"
#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/kernels/gemm/packed.h"

namespace deftnn::gemm {
namespace {

void CheckWindows(const PackedHeader& h, const Layout& in, const Layout& out) {
  DEFTNN_CHECK(in.channels == h.channels && out.channels == h.outputs && in.batch == out.batch);
  const int64_t bottom =
      (out.height - 1) * h.stride_h + (h.kernel_h - 1) * h.dilation_h - h.pad_top;
  const int64_t right = (out.width - 1) * h.stride_w + (h.kernel_w - 1) * h.dilation_w - h.pad_left;
  DEFTNN_CHECK(h.pad_top <= in.halo_top && h.pad_left <= in.halo_left);
  DEFTNN_CHECK(bottom < in.height + in.halo_bottom && right < in.width + in.halo_right);
  DEFTNN_CHECK(in.pixel_stride >= in.channels && out.pixel_stride >= out.channels);
  // Pairs were made across pixels only within kernel rows of touching pixels.
  DEFTNN_CHECK(h.contiguous_pixels == 0 || in.pixel_stride == in.channels);
}

// Of each row of the K table.
std::vector<int32_t> Offsets(const PackedHeader& h, const Code& code, const Layout& in) {
  const auto* blob = reinterpret_cast<const std::byte*>(&h);
  std::vector<int32_t> offsets(h.steps * code.rows_per_step());
  for (size_t i = 0; i < offsets.size(); ++i) {
    KStep step;
    std::memcpy(&step, blob + h.steps_at + i * sizeof(KStep), sizeof(step));
    if (step.kh < 0) {
      offsets[i] = kNoEntry;
      continue;
    }
    const int64_t offset = ((step.kh * h.dilation_h - h.pad_top) * in.row_stride +
                            (step.kw * h.dilation_w - h.pad_left) * in.pixel_stride + step.c) *
                           BytesOf(in.format);
    DEFTNN_CHECK(offset > std::numeric_limits<int32_t>::min() &&
                 offset <= std::numeric_limits<int32_t>::max());
    offsets[i] = static_cast<int32_t>(offset);
  }
  return offsets;
}

// The activations that are a clamp become one; the others keep an open range.
void SetActivation(const PackedHeader& h, Job& job) {
  const float infinity = std::numeric_limits<float>::infinity();
  job.activation = static_cast<Activation>(h.activation);
  job.alpha = h.alpha;
  job.beta = h.beta;
  job.low = -infinity;
  job.high = infinity;
  if (job.activation == Activation::kRelu) job.low = 0;
  if (job.activation == Activation::kClip) {
    job.low = h.alpha;
    job.high = h.beta;
  }
  if (job.activation == Activation::kRelu || job.activation == Activation::kClip) {
    job.activation = Activation::kNone;
  }
  job.has_low = job.low != -infinity;
  job.has_high = job.high != infinity;
}

// A quarter of L2 holds the weights of one output block while all tiles of a pixel block pass; the
// rest is for the activations.
void SetBlocking(const Code& code, int element_bytes, int64_t pixels, Job& job) {
  const int64_t step_bytes = int64_t{code.max_vectors} * code.lanes * code.group * element_bytes;
  const int64_t limit = std::max<int64_t>(64, CacheBytes(2) / 4 / step_bytes);
  const int64_t steps = std::max<int64_t>(1, job.steps);
  const int64_t k_blocks = pixels <= 8 ? 1 : (steps + limit - 1) / limit;
  job.steps_per_block = (steps + k_blocks - 1) / k_blocks;
  job.pixels_per_block = kPixelBlock;
  job.prefetch = job.vectors * code.lanes * code.group * element_bytes * job.steps > CacheBytes(2);
}

// What one thread does in about two microseconds: as long as it takes to tell another and to wait
// for it.
constexpr int64_t kWorthThreadsVectors = 60'000, kWorthThreadsTiles = 400'000;
constexpr int64_t kWorthThreadsBytes = 128 << 10;

// Whether tiles of `rows` pixels, each of one image row, are read in place where they can be: four
// products of few rows wait for the tile unit, which takes one row a cycle and 52 cycles in all;
// copying takes two cycles for each pixel and chunk, once for all vectors of outputs.
bool WorthRows(int64_t rows, int64_t vectors) {
  constexpr int64_t kLatency = 52, kCopyCycles = 2;
  const int64_t products = 4 * rows, waits = std::max<int64_t>(0, kLatency - products);
  return rows >= kLeastTileRows && waits * vectors <= kCopyCycles * products;
}

// Chooses what is read in place, the tiles' height, and blocks of pixels whose inputs stay in L2
// while all weights pass over them.
Chunks PlanTiles(const PackedHeader& h, std::span<const int32_t> offsets, int64_t batch, Job& job) {
  const int64_t pixels = batch * job.out_height * job.out_width;
  const bool line = (job.out_height == 1 || job.x_row == job.out_width * job.x_pixel) &&
                    (batch == 1 || job.x_image == job.out_height * job.out_width * job.x_pixel);
  const int64_t strips = (job.out_width + kTileRows - 1) / kTileRows;
  job.tile_pixels = (job.out_width + strips - 1) / strips;
  const bool in_rows = WorthRows(job.tile_pixels, job.vectors);
  const bool one_beyond = h.contiguous_pixels != 0 && h.kernel_w > 1 && h.dilation_w == 1;
  Chunks chunks = MakeChunks(offsets, h.chunk_entries, line || in_rows, one_beyond);
  job.chunk_count = static_cast<int64_t>(chunks.chunks.size());
  job.packed_chunks = chunks.packed;
  job.chunk_steps = h.chunk_entries / 2;
  job.one_line = line || job.packed_chunks == job.chunk_count;
  const int64_t in_place = job.chunk_count - job.packed_chunks;
  const int64_t pixel_bytes =
      job.packed_chunks * kChunkBytes + std::min(in_place * kChunkBytes, job.x_pixel);
  const int64_t budget = CacheBytes(2) * 3 / 8;
  job.pixels_per_block = std::clamp<int64_t>(budget / std::max<int64_t>(1, pixel_bytes) / 32 * 32,
                                             64, kTilePixelBlock);
  const int64_t weight_bytes = job.vectors * kChunkBytes * job.steps;
  job.outputs_inside = weight_bytes <= CacheBytes(2) / 4;
  job.prefetch = !job.outputs_inside;
  const int64_t most = std::min(job.pixels_per_block, pixels);
  // Shared rows and a row's last strip may be copied twice.
  const int64_t rows = job.one_line
                           ? most + 32
                           : (most / job.tile_pixels + most / job.out_width + 3) * job.tile_pixels;
  job.scratch_bytes = job.packed_chunks * kChunkBytes * rows;
  return chunks;
}

// Of this thread, for the products that it runs; it only grows.
uint8_t* ThreadScratch(int64_t bytes) {
  thread_local std::shared_ptr<std::byte> scratch;
  thread_local int64_t size = 0;
  if (size < bytes) {
    scratch.reset();
    scratch = AllocateAligned(static_cast<size_t>(bytes));
    size = bytes;
  }
  return reinterpret_cast<uint8_t*>(scratch.get());
}

}  // namespace

BoundProduct Bind(PackedProduct packed, const Layout& in, const Layout& out,
                  const Layout* residual) {
  const PackedHeader& h = packed.header();
  const Kernel& kernel = packed.kernel();
  DEFTNN_CHECK(in.format == kernel.format);
  CheckWindows(h, in, out);
  BoundProduct bound;
  bound.offsets_ = Offsets(h, kernel.code, in);
  Job& job = bound.job_;
  job.weights = reinterpret_cast<const uint8_t*>(packed.bytes().data()) + h.weights_at;
  job.bias = reinterpret_cast<const float*>(packed.bytes().data() + h.bias_at);
  job.offsets = bound.offsets_.data();
  job.steps = h.steps;
  job.outputs = h.outputs;
  job.vectors = (h.outputs + h.lanes - 1) / h.lanes;
  job.blocks = (job.vectors + h.max_vectors - 1) / h.max_vectors;
  job.out_height = out.height;
  job.out_width = out.width;
  const int64_t x_bytes = BytesOf(in.format), y_bytes = BytesOf(out.format);
  job.x_image = in.image_stride * x_bytes;
  job.x_row = h.stride_h * in.row_stride * x_bytes;
  job.x_pixel = h.stride_w * in.pixel_stride * x_bytes;
  job.y_image = out.image_stride * y_bytes;
  job.y_row = out.row_stride * y_bytes;
  job.y_pixel = out.pixel_stride * y_bytes;
  job.y_dfp16 = out.format == Format::kDfp16;
  if (residual != nullptr) {
    DEFTNN_CHECK(residual->batch == out.batch && residual->height == out.height &&
                 residual->width == out.width && residual->channels == out.channels);
    const int64_t r_bytes = BytesOf(residual->format);
    job.r_image = residual->image_stride * r_bytes;
    job.r_row = residual->row_stride * r_bytes;
    job.r_pixel = residual->pixel_stride * r_bytes;
    job.residual_dfp16 = residual->format == Format::kDfp16;
  }
  SetActivation(h, job);
  bound.pixels_ = out.pixels();
  if (kernel.code.tile_steps > 1) {
    Chunks chunks = PlanTiles(h, bound.offsets_, in.batch, job);
    bound.chunks_ = std::move(chunks.chunks);
    bound.sources_ = std::move(chunks.sources);
    job.chunks = bound.chunks_.data();
    job.sources = bound.sources_.data();
  } else {
    SetBlocking(kernel.code, BytesOf(kernel.format), bound.pixels_, job);
  }
  const int64_t input_bytes = in.batch * in.height * in.width * in.channels * x_bytes;
  bound.packed_ = std::move(packed);
  // Whichever is larger, weights or activations, is read by one worker only.
  bound.split_pixels_ = bound.weight_bytes() <= input_bytes;
  return bound;
}

int64_t BoundProduct::weight_bytes() const {
  const Code& code = kernel().code;
  return job_.vectors * code.lanes * code.group * job_.steps * BytesOf(kernel().format);
}

int64_t BoundProduct::executed_macs() const {
  const Code& code = kernel().code;
  return pixels_ * job_.vectors * code.lanes * code.group * job_.steps;
}

bool BoundProduct::worth_threads() const {
  const int64_t macs = kernel().code.tile_steps > 1 ? kWorthThreadsTiles : kWorthThreadsVectors;
  return executed_macs() >= macs || weight_bytes() >= kWorthThreadsBytes;
}

void RunShare(const BoundProduct& bound, const void* x, void* y, const void* residual, int worker,
              int workers) {
  Job job = bound.job_;
  job.x = static_cast<const uint8_t*>(x);
  job.y = static_cast<uint8_t*>(y);
  job.residual = static_cast<const uint8_t*>(residual);
  if (job.scratch_bytes > 0) job.scratch = ThreadScratch(job.scratch_bytes);
  const RunFunction run = bound.kernel().code.run;
  const int64_t pixels = bound.pixels_;
  if (pixels == 0) return;
  if (bound.split_pixels_) {
    const int64_t begin = pixels * worker / workers, end = pixels * (worker + 1) / workers;
    if (begin < end) run(job, begin, end, 0, job.blocks);
    return;
  }
  // Output blocks laid end to end, each as long as its work; a share may begin and end within one.
  const int64_t work = job.vectors * pixels;
  const auto cut = [&](int64_t at, int64_t& block, int64_t& pixel) {
    block = 0;
    while (block < job.blocks && job.FirstVector(block + 1) * pixels <= at) ++block;
    if (block == job.blocks) {
      pixel = 0;
      return;
    }
    const int64_t first = job.FirstVector(block);
    pixel = (at - first * pixels) / (job.FirstVector(block + 1) - first);
  };
  int64_t block, pixel, last_block, last_pixel;
  cut(work * worker / workers, block, pixel);
  cut(work * (worker + 1) / workers, last_block, last_pixel);
  if (block == last_block) {
    if (pixel < last_pixel) run(job, pixel, last_pixel, block, block + 1);
    return;
  }
  if (pixel > 0) run(job, pixel, pixels, block, block + 1), ++block;
  if (block < last_block) run(job, 0, pixels, block, last_block);
  if (last_pixel > 0) run(job, 0, last_pixel, last_block, last_block + 1);
}

void Run(const BoundProduct& bound, const void* x, void* y, const void* residual,
         ThreadPool& pool) {
  DEFTNN_CHECK((residual != nullptr) == (bound.job().r_image != 0));
  const int workers = pool.size();
  if (workers == 1 || !bound.worth_threads()) return RunShare(bound, x, y, residual, 0, 1);
  pool.Run([&](int worker) { RunShare(bound, x, y, residual, worker, workers); });
}

}  // namespace deftnn::gemm
