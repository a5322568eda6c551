#include "deftnn/data/dataset.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "deftnn/base/rng.h"

namespace deftnn {
namespace {

int64_t ElementsPerSample(const Tensor& samples) {
  return ElementCount(Shape(samples.shape().begin() + 1, samples.shape().end()));
}

/// One sample as float32, scaled a channel at a time: `outer` x channels x `inner` elements.
struct SampleLayout {
  int64_t outer = 1, channels = 1, inner = 1;
};

SampleLayout LayoutOf(const Dataset::Input& input) {
  const Shape& shape = input.samples.shape();
  SampleLayout layout;
  for (int d = 1; d < input.samples.rank(); ++d) {
    (d < input.channel_axis    ? layout.outer
     : d == input.channel_axis ? layout.channels
                               : layout.inner) *= shape[static_cast<size_t>(d)];
  }
  return layout;
}

template <typename T>
void ScaleSample(const T* in, float* out, const SampleLayout& layout, const ChannelAffine& affine,
                 bool channels_last) {
  for (int64_t o = 0; o < layout.outer; ++o) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      const float multiply = affine.multiply[static_cast<size_t>(c)];
      const float add = affine.add[static_cast<size_t>(c)];
      const T* from = in + (o * layout.channels + c) * layout.inner;
      float* to = channels_last ? out + c : out + (o * layout.channels + c) * layout.inner;
      const int64_t step = channels_last ? layout.channels : 1;
      for (int64_t i = 0; i < layout.inner; ++i) {
        to[i * step] = static_cast<float>(from[i]) * multiply + add;
      }
    }
  }
}

}  // namespace

Result<Dataset> Dataset::Of(std::vector<Input> inputs, std::vector<int64_t> labels,
                            std::vector<std::string> class_names) {
  if (inputs.empty()) return Error("the data has no inputs");
  int64_t count = -1;
  for (const Input& input : inputs) {
    if (input.samples.rank() == 0) {
      return Error("input '{}' is a scalar; its first axis must count the samples", input.name);
    }
    if (count >= 0 && input.samples.dim(0) != count) {
      return Error("inputs '{}' and '{}' hold {} and {} samples", inputs[0].name, input.name, count,
                   input.samples.dim(0));
    }
    count = input.samples.dim(0);
  }
  if (count == 0) return Error("the data holds no samples");
  if (!labels.empty() && static_cast<int64_t>(labels.size()) != count) {
    return Error("there are {} labels for {} samples", labels.size(), count);
  }
  const auto negative = std::find_if(labels.begin(), labels.end(), [](int64_t l) { return l < 0; });
  if (negative != labels.end()) {
    return Error("label {} is negative: {}", negative - labels.begin(), *negative);
  }
  Dataset set;
  set.store_ = std::make_shared<const Store>(
      Store{std::move(inputs), std::move(labels), std::move(class_names)});
  set.order_.resize(static_cast<size_t>(count));
  std::iota(set.order_.begin(), set.order_.end(), int64_t{0});
  return set;
}

std::vector<std::string> Dataset::input_names() const {
  std::vector<std::string> names;
  for (const Input& input : store_->inputs) names.push_back(input.name);
  return names;
}

ElementType Dataset::input_type(size_t i) const {
  const Input& input = store_->inputs.at(i);
  return input.affine ? ElementType::kFloat32 : input.samples.type();
}

Shape Dataset::sample_shape(size_t i) const {
  const Input& input = store_->inputs.at(i);
  Shape shape(input.samples.shape().begin() + 1, input.samples.shape().end());
  if (input.to_nhwc) std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  return shape;
}

std::vector<int64_t> Dataset::labels() const {
  std::vector<int64_t> labels;
  if (!has_labels()) return labels;
  labels.reserve(order_.size());
  for (int64_t i : order_) labels.push_back(store_->labels[static_cast<size_t>(i)]);
  return labels;
}

Tensor Dataset::Gather(const Input& input, int64_t begin, int64_t count) const {
  Shape shape = input.samples.shape();
  const int64_t elements = ElementsPerSample(input.samples);
  shape[0] = count;
  if (input.to_nhwc) std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
  const ElementType type = input.affine ? ElementType::kFloat32 : input.samples.type();
  Tensor batch = Tensor::Zeros(type, shape);
  std::byte* bytes = batch.mutable_data();
  const size_t stride = static_cast<size_t>(elements * BitsOf(input.samples.type()) / 8);
  const auto sample = [&](int64_t i) {
    return input.samples.data() +
           stride * static_cast<size_t>(order_[static_cast<size_t>(begin + i)]);
  };
  if (!input.affine) {
    for (int64_t i = 0; i < count && stride > 0; ++i) {
      std::memcpy(bytes + static_cast<size_t>(i) * stride, sample(i), stride);
    }
    return batch;
  }
  const SampleLayout layout = LayoutOf(input);
  const bool known = VisitArithmetic(input.samples.type(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < count; ++i) {
      ScaleSample(reinterpret_cast<const T*>(sample(i)),
                  reinterpret_cast<float*>(bytes) + i * elements, layout, *input.affine,
                  input.to_nhwc);
    }
  });
  DEFTNN_CHECK(known);
  return batch;
}

DataBatch Dataset::Batch(int64_t begin, int64_t count) const {
  DEFTNN_CHECK(begin >= 0 && count >= 0 && begin <= size() && count <= size() - begin);
  DataBatch batch;
  for (const Input& input : store_->inputs) batch.inputs.push_back(Gather(input, begin, count));
  if (has_labels()) {
    for (int64_t i = begin; i < begin + count; ++i) {
      batch.labels.push_back(store_->labels[static_cast<size_t>(order_[static_cast<size_t>(i)])]);
    }
  }
  return batch;
}

Dataset Dataset::Subset(std::span<const int64_t> positions) const {
  Dataset set;
  set.store_ = store_;
  set.order_.reserve(positions.size());
  for (int64_t position : positions) {
    DEFTNN_CHECK(position >= 0 && position < size());
    set.order_.push_back(order_[static_cast<size_t>(position)]);
  }
  return set;
}

Dataset Dataset::Slice(int64_t begin, int64_t count) const {
  DEFTNN_CHECK(begin >= 0 && count >= 0 && begin <= size() && count <= size() - begin);
  std::vector<int64_t> positions(static_cast<size_t>(count));
  std::iota(positions.begin(), positions.end(), begin);
  return Subset(positions);
}

Dataset Dataset::Shuffled(uint64_t seed) const {
  std::vector<int64_t> positions(static_cast<size_t>(size()));
  std::iota(positions.begin(), positions.end(), int64_t{0});
  Rng rng(seed);
  for (int64_t i = size() - 1; i > 0; --i) {  // Fisher-Yates; std::shuffle differs by library
    std::swap(positions[static_cast<size_t>(i)], positions[static_cast<size_t>(rng.Below(i + 1))]);
  }
  return Subset(positions);
}

std::pair<Dataset, Dataset> Dataset::Split(int64_t count) const {
  return {Slice(0, count), Slice(count, size() - count)};
}

Result<Tensor> ConcatenateSamples(std::span<const Tensor> parts) {
  if (parts.empty()) return Error("there are no tensors to join");
  Shape shape = parts[0].shape();
  if (shape.empty()) return Error("scalars cannot be joined along axis 0");
  shape[0] = 0;
  for (const Tensor& part : parts) {
    if (part.type() != parts[0].type() || part.rank() != parts[0].rank() ||
        !std::equal(part.shape().begin() + 1, part.shape().end(), parts[0].shape().begin() + 1)) {
      return Error("outputs of {} {} and {} {} cannot be joined", NameOf(parts[0].type()),
                   ToString(parts[0].shape()), NameOf(part.type()), ToString(part.shape()));
    }
    shape[0] += part.dim(0);
  }
  if (BitsOf(parts[0].type()) < 8) {
    return Error("{} tensors cannot be joined", NameOf(parts[0].type()));
  }
  Tensor joined = Tensor::Zeros(parts[0].type(), shape);
  std::byte* out = joined.mutable_data();
  for (const Tensor& part : parts) {
    if (part.bytes() > 0) std::memcpy(out, part.data(), part.bytes());
    out += part.bytes();
  }
  return joined;
}

}  // namespace deftnn
