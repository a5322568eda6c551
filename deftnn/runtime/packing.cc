#include "deftnn/runtime/packing.h"

#include "deftnn/kernels/gemm/packed.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/ops/window.h"

namespace deftnn {
namespace {

// A blob of the same product: what the numbers are, its file's checksum vouches for.
bool Fits(const gemm::PackedHeader& header, const gemm::GemmSpec& spec, const gemm::Code& code) {
  return header.outputs == spec.outputs && header.channels == spec.channels &&
         header.kernel_h == spec.kernel_h && header.kernel_w == spec.kernel_w &&
         header.stride_h == spec.stride_h && header.stride_w == spec.stride_w &&
         header.dilation_h == spec.dilation_h && header.dilation_w == spec.dilation_w &&
         header.pad_top == spec.pad_top && header.pad_left == spec.pad_left &&
         header.activation == static_cast<int32_t>(spec.activation.kind) &&
         header.alpha == spec.activation.alpha && header.beta == spec.activation.beta &&
         (header.contiguous_pixels != 0) == spec.contiguous_pixels &&
         header.steps == gemm::StepsOf(spec, code);
}

}  // namespace

Result<gemm::GemmSpec> DescribeProduct(const Node& node, const Tensor& weights, const Tensor& kept,
                                       const Shape& x) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(node));
  gemm::GemmSpec spec;
  spec.outputs = weights.dim(0) / product.groups;
  spec.channels = product.channels;
  spec.entries = KeptEntries(kept, product.group_size);
  spec.format = weights.type() == ElementType::kBfloat16 ? Format::kDfp16 : Format::kFp32;
  spec.activation = product.activation;
  if (product.kind == SynapseProduct::Kind::kMatmul) return spec;
  DEFTNN_ASSIGN_OR_RETURN(const Window window, ResolveWindow(node, {x.begin() + 2, x.end()}));
  const int last = window.axes() - 1;
  spec.kernel_w = window.kernel[last];
  spec.stride_w = window.strides[last];
  spec.dilation_w = window.dilations[last];
  spec.pad_left = window.pads_begin[last];
  if (last == 1) {
    spec.kernel_h = window.kernel[0];
    spec.stride_h = window.strides[0];
    spec.dilation_h = window.dilations[0];
    spec.pad_top = window.pads_begin[0];
  }
  return spec;
}

Result<std::vector<PackedPart>> PackProduct(const Node& node, const Tensor& weights,
                                            const Tensor& kept, const Tensor* bias, const Shape& x,
                                            Isa isa, bool contiguous_pixels,
                                            const PackedWeights* ready, MemoryPool* pool) {
  DEFTNN_ASSIGN_OR_RETURN(gemm::GemmSpec spec, DescribeProduct(node, weights, kept, x));
  spec.contiguous_pixels = contiguous_pixels;
  const int64_t groups = node.Int("groups", 1);
  const gemm::Kernel* kernel = gemm::Select(spec, isa);
  Tensor values;  // as float32, once a part has to be packed
  const size_t part_values = spec.outputs * spec.entries.size();
  std::vector<PackedPart> parts;
  for (int64_t g = 0; g < groups; ++g) {
    PackedPart part;
    part.key = fmt::format("{}/{}/{}/{}", NameOf(isa), node.name, g,
                           contiguous_pixels ? "contiguous" : "strided");
    const auto found = ready == nullptr ? PackedWeights::const_iterator() : ready->find(part.key);
    if (ready != nullptr && found != ready->end()) {
      const auto owner = std::make_shared<Tensor>(found->second);
      auto loaded = gemm::PackedProduct::Load({owner->data(), owner->bytes()}, owner);
      if (loaded.ok() && &loaded->kernel() == kernel &&
          Fits(loaded->header(), spec, kernel->code)) {
        part.product = std::move(loaded).value();
        parts.push_back(std::move(part));
        continue;
      }
    }
    if (!values.defined()) {
      DEFTNN_ASSIGN_OR_RETURN(values, ToFloat32(weights));
    }
    std::span<const float> group_bias;
    if (bias != nullptr) group_bias = bias->values<float>().subspan(g * spec.outputs, spec.outputs);
    part.product = gemm::Pack(spec, values.values<float>().subspan(g * part_values, part_values),
                              group_bias, *kernel, pool);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace deftnn
