// K steps, packing, and the blob's checks.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "deftnn/base/check.h"
#include "deftnn/base/crc32c.h"
#include "deftnn/base/half.h"
#include "deftnn/base/tensor.h"
#include "deftnn/kernels/gemm/gemm.h"
#include "deftnn/kernels/gemm/packed.h"
#include "deftnn/kernels/gemm/tile_table.h"

namespace deftnn::gemm {
namespace {

constexpr int64_t kMaxDim = (int64_t{1} << 31) - 1;
constexpr int64_t kMaxStride = 65535;  // so that no product of geometry overflows

bool RowsAreRuns(const GemmSpec& spec) { return spec.contiguous_pixels && spec.dilation_w == 1; }

struct Sizes {
  int64_t vectors, steps_at, bias_at, weights_at, bytes;
};

// False where the sizes overflow.
bool ComputeSizes(int64_t outputs, int64_t steps, const Code& code, int element_bytes,
                  Sizes& sizes) {
  sizes.vectors = (outputs + code.lanes - 1) / code.lanes;
  sizes.steps_at = RoundUp(sizeof(PackedHeader), 64);
  sizes.bias_at =
      sizes.steps_at + RoundUp(steps * code.rows_per_step() * int64_t{sizeof(KStep)}, 64);
  sizes.weights_at = sizes.bias_at + RoundUp(sizes.vectors * code.lanes * int64_t{4}, 64);
  int64_t weights = 0;
  const bool overflow =
      __builtin_mul_overflow(sizes.vectors * code.lanes * code.group * element_bytes, steps,
                             &weights) ||
      weights > (int64_t{1} << 46);
  sizes.bytes = sizes.weights_at + (overflow ? 0 : RoundUp(weights, 64));
  return !overflow;
}

uint32_t Checksum(PackedHeader header, const Code& code, const std::byte* steps) {
  header.checksum = 0;
  const uint32_t head = Crc32c({reinterpret_cast<const std::byte*>(&header), sizeof(PackedHeader)});
  const int64_t rows = header.steps * code.rows_per_step();
  return Crc32c({steps, static_cast<size_t>(rows) * sizeof(KStep)}, head);
}

bool ChunksFit(const PackedHeader& header, const Code& code) {
  if (code.tile_steps == 1) return header.chunk_entries == 0;
  return header.chunk_entries >= 2 && header.chunk_entries <= kChunkBytes / 2 &&
         header.chunk_entries % 2 == 0 && header.steps * 2 % header.chunk_entries == 0;
}

void CheckSpec(const GemmSpec& spec) {
  DEFTNN_CHECK(spec.outputs >= 1 && spec.channels >= 1 && spec.kernel_h >= 1 && spec.kernel_w >= 1);
  DEFTNN_CHECK(spec.stride_h >= 1 && spec.stride_w >= 1 && spec.dilation_h >= 1 &&
               spec.dilation_w >= 1 && spec.pad_top >= 0 && spec.pad_left >= 0);
  DEFTNN_CHECK(spec.kernel_h <= INT16_MAX && spec.kernel_w <= INT16_MAX &&
               spec.channels <= INT32_MAX);
  int64_t last = -1;
  for (const int64_t entry : spec.entries) {
    DEFTNN_CHECK(entry > last && entry < spec.full_k());
    last = entry;
  }
}

// Position of entry j of a step within the dense K; -1 where there is none, or where j lies beyond
// the run.
int64_t EntryOf(const GemmSpec& spec, const KStep& step, int j) {
  if (step.kh < 0) return -1;
  const int64_t first = (int64_t{step.kh} * spec.kernel_w + step.kw) * spec.channels + step.c;
  const int64_t run = RunLength(spec);
  return first / run == (first + j) / run ? first + j : -1;
}

template <typename T>
T Encode(float value) {
  if constexpr (sizeof(T) == 4) {
    return value;
  } else {
    return EncodeBfloat16(value);
  }
}

using Columns = std::array<int32_t, 2>;  // of the weights, for a step's entries; -1 for none

std::vector<Columns> ColumnsOf(const GemmSpec& spec, std::span<const KStep> table, int64_t steps,
                               const Code& code) {
  std::vector<Columns> columns(steps, Columns{-1, -1});
  const auto kept = static_cast<int32_t>(spec.entries.size());
  std::vector<int32_t> column_of(spec.full_k(), -1);
  for (int32_t i = 0; i < kept; ++i) column_of[spec.entries[i]] = i;
  // Steps may overlap: each entry counts once.
  for (int64_t step = 0; step < steps; ++step) {
    for (int j = 0; j < code.group; ++j) {
      const int64_t entry = code.tile_steps > 1 ? EntryOf(spec, table[step * code.group + j], 0)
                                                : EntryOf(spec, table[step], j);
      if (entry >= 0) columns[step][j] = std::exchange(column_of[entry], -1);
    }
  }
  return columns;
}

// packed: [block][step][lane][group].
template <typename T>
void PackWeights(const GemmSpec& spec, std::span<const Columns> steps,
                 std::span<const float> weights, const Code& code, int64_t vectors, T* packed) {
  const int64_t kept = static_cast<int64_t>(spec.entries.size());
  const int64_t blocks = (vectors + code.max_vectors - 1) / code.max_vectors;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = vectors * block / blocks * code.lanes;
    const int64_t last = vectors * (block + 1) / blocks * code.lanes;
    for (const Columns& columns : steps) {
      for (int64_t output = first; output < last; ++output) {
        for (int j = 0; j < code.group; ++j) {
          *packed++ = output < spec.outputs && columns[j] >= 0
                          ? Encode<T>(weights[output * kept + columns[j]])
                          : T{0};
        }
      }
    }
  }
}

}  // namespace

int64_t RunLength(const GemmSpec& spec) {
  return RowsAreRuns(spec) ? spec.kernel_w * spec.channels : spec.channels;
}

KStep StepAt(const GemmSpec& spec, int64_t entry) {
  const int64_t position = entry / spec.channels;
  return {static_cast<int16_t>(position / spec.kernel_w),
          static_cast<int16_t>(position % spec.kernel_w),
          static_cast<int32_t>(entry % spec.channels)};
}

int64_t StepsOf(const GemmSpec& spec, const Code& code) {
  if (code.tile_steps == 1) return static_cast<int64_t>(CoverEntries(spec, code.group).size());
  return static_cast<int64_t>(MakeTileTable(spec).rows.size()) / code.group;
}

std::vector<KStep> CoverEntries(const GemmSpec& spec, int group) {
  const int64_t run = RunLength(spec);
  const auto at = [&](int64_t entry) { return StepAt(spec, entry); };
  std::vector<KStep> steps;
  steps.reserve(spec.entries.size());
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    const int64_t entry = spec.entries[i];
    if (group == 1) {
      steps.push_back(at(entry));
      continue;
    }
    const bool last_of_run = entry % run == run - 1;
    if (last_of_run) {  // alone: its partner lies before it where the run has one
      steps.push_back(at(run > 1 ? entry - 1 : entry));
      continue;
    }
    steps.push_back(at(entry));
    if (i + 1 < spec.entries.size() && spec.entries[i + 1] == entry + 1) ++i;
  }
  return steps;
}

PackedProduct Pack(const GemmSpec& spec, std::span<const float> weights,
                   std::span<const float> bias, const Kernel& kernel, MemoryPool* pool) {
  CheckSpec(spec);
  DEFTNN_CHECK(kernel.format == spec.format && Supports(kernel.isa));
  DEFTNN_CHECK(static_cast<int64_t>(weights.size()) ==
               spec.outputs * static_cast<int64_t>(spec.entries.size()));
  DEFTNN_CHECK(bias.empty() || static_cast<int64_t>(bias.size()) == spec.outputs);
  const Code& code = kernel.code;
  TileTable tiles;
  if (code.tile_steps > 1) tiles = MakeTileTable(spec);
  const std::vector<KStep> table =
      code.tile_steps > 1 ? std::move(tiles.rows) : CoverEntries(spec, code.group);
  const int64_t steps = static_cast<int64_t>(table.size()) / code.rows_per_step();
  const std::vector<Columns> columns = ColumnsOf(spec, table, steps, code);
  Sizes sizes{};
  DEFTNN_CHECK(ComputeSizes(spec.outputs, steps, code, BytesOf(spec.format), sizes));

  const std::shared_ptr<std::byte> blob =
      pool != nullptr ? pool->Allocate(sizes.bytes) : AllocateAligned(sizes.bytes);
  PackedHeader header{};
  std::memcpy(header.magic, kPackedMagic, sizeof(kPackedMagic));
  header.version = kPackedVersion;
  DEFTNN_CHECK(kernel.name.size() < sizeof(header.kernel));
  std::memcpy(header.kernel, kernel.name.data(), kernel.name.size());
  header.group = code.group;
  header.lanes = code.lanes;
  header.max_vectors = code.max_vectors;
  header.activation = static_cast<int32_t>(spec.activation.kind);
  header.alpha = spec.activation.alpha;
  header.beta = spec.activation.beta;
  header.contiguous_pixels = spec.contiguous_pixels;
  header.chunk_entries = static_cast<int32_t>(tiles.chunk_entries);
  header.outputs = spec.outputs;
  header.channels = spec.channels;
  header.kernel_h = spec.kernel_h;
  header.kernel_w = spec.kernel_w;
  header.stride_h = spec.stride_h;
  header.stride_w = spec.stride_w;
  header.dilation_h = spec.dilation_h;
  header.dilation_w = spec.dilation_w;
  header.pad_top = spec.pad_top;
  header.pad_left = spec.pad_left;
  header.steps = steps;
  header.steps_at = sizes.steps_at;
  header.bias_at = sizes.bias_at;
  header.weights_at = sizes.weights_at;
  header.bytes = sizes.bytes;
  if (!table.empty()) {
    std::memcpy(blob.get() + sizes.steps_at, table.data(), table.size() * sizeof(KStep));
  }
  if (!bias.empty()) std::memcpy(blob.get() + sizes.bias_at, bias.data(), bias.size() * 4);
  if (spec.format == Format::kFp32) {
    PackWeights(spec, columns, weights, code, sizes.vectors,
                reinterpret_cast<float*>(blob.get() + sizes.weights_at));
  } else {
    PackWeights(spec, columns, weights, code, sizes.vectors,
                reinterpret_cast<uint16_t*>(blob.get() + sizes.weights_at));
  }
  header.checksum = Checksum(header, code, blob.get() + sizes.steps_at);
  std::memcpy(blob.get(), &header, sizeof(header));

  PackedProduct packed;
  packed.kernel_ = &kernel;
  packed.bytes_ = {blob.get(), static_cast<size_t>(sizes.bytes)};
  packed.owner_ = blob;
  return packed;
}

const PackedHeader& PackedProduct::header() const {
  return *reinterpret_cast<const PackedHeader*>(bytes_.data());
}
int64_t PackedProduct::steps() const { return header().steps; }
int64_t PackedProduct::outputs() const { return header().outputs; }

Result<PackedProduct> PackedProduct::Load(std::span<const std::byte> bytes,
                                          std::shared_ptr<const void> owner) {
  if (bytes.size() < sizeof(PackedHeader)) return Error("packed product: too short");
  PackedHeader h;
  std::memcpy(&h, bytes.data(), sizeof(h));
  if (std::memcmp(h.magic, kPackedMagic, sizeof(kPackedMagic)) != 0) {
    return Error("packed product: not a packed product");
  }
  if (h.version != kPackedVersion) {
    return Error("packed product: version {}, this build reads {}", h.version, kPackedVersion);
  }
  const std::string_view name(h.kernel, strnlen(h.kernel, sizeof(h.kernel)));
  const Kernel* kernel = FindKernel(name);
  if (kernel == nullptr) return Error("packed product: this build has no kernel of that name");
  if (!Supports(kernel->isa)) {
    return Error("packed product: made for kernel {}, which this CPU ({}) cannot run", kernel->name,
                 CpuName());
  }
  const Code& code = kernel->code;
  if (h.group != code.group || h.lanes != code.lanes || h.max_vectors != code.max_vectors) {
    return Error("packed product: the weights' layout is not that of kernel {}", kernel->name);
  }
  const auto sane = [](int64_t value, int64_t low, int64_t high) {
    return value >= low && value <= high;
  };
  const bool geometry = sane(h.outputs, 1, kMaxDim) && sane(h.channels, 1, INT32_MAX) &&
                        sane(h.kernel_h, 1, INT16_MAX) && sane(h.kernel_w, 1, INT16_MAX) &&
                        sane(h.stride_h, 1, kMaxStride) && sane(h.stride_w, 1, kMaxStride) &&
                        sane(h.dilation_h, 1, kMaxStride) && sane(h.dilation_w, 1, kMaxStride) &&
                        sane(h.pad_top, 0, kMaxStride) && sane(h.pad_left, 0, kMaxStride) &&
                        sane(h.steps, 0, kMaxDim) && ChunksFit(h, code) &&
                        sane(h.activation, 0, static_cast<int>(Activation::kGeluTanh)) &&
                        sane(h.contiguous_pixels, 0, 1);
  Sizes sizes{};
  if (!geometry || !ComputeSizes(h.outputs, h.steps, code, BytesOf(kernel->format), sizes) ||
      h.steps_at != sizes.steps_at || h.bias_at != sizes.bias_at ||
      h.weights_at != sizes.weights_at || h.bytes != sizes.bytes ||
      h.bytes != static_cast<int64_t>(bytes.size())) {
    return Error("packed product: sizes out of range");
  }
  if (h.checksum != Checksum(h, code, bytes.data() + h.steps_at)) {
    return Error("packed product: the checksum does not match");
  }
  const std::byte* steps = bytes.data() + h.steps_at;
  for (int64_t i = 0; i < h.steps * code.rows_per_step(); ++i) {
    KStep step;
    std::memcpy(&step, steps + i * sizeof(step), sizeof(step));
    if (code.tile_steps > 1 && step.kh == -1) continue;
    if (step.kh < 0 || step.kh >= h.kernel_h || step.kw < 0 || step.kw >= h.kernel_w ||
        step.c < 0 || step.c >= h.channels) {
      return Error("packed product: K step {} lies outside the kernel", i);
    }
  }
  PackedProduct packed;
  packed.kernel_ = kernel;
  packed.bytes_ = bytes;
  packed.owner_ = std::move(owner);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 64 != 0) {
    const std::shared_ptr<std::byte> copy = AllocateAligned(bytes.size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    packed.bytes_ = {copy.get(), bytes.size()};
    packed.owner_ = copy;
  }
  return packed;
}

}  // namespace deftnn::gemm
