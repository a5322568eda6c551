// Samples in memory: named input tensors with the samples along axis 0, and labels where known.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/data/preprocess.h"

namespace deftnn {

/// A run of samples, ready for a network.
struct DataBatch {
  std::vector<Tensor> inputs;   // in the order of Dataset::input_names()
  std::vector<int64_t> labels;  // empty when the data has none
};

/// Cheap to copy: subsets and shuffles share the samples. Safe to read from several threads.
class Dataset {
 public:
  struct Input {
    std::string name;
    Tensor samples;  // axis 0 counts the samples
    /// When set, Batch gives float32: samples * multiply[c] + add[c] for channel c of
    /// `channel_axis`.
    std::optional<ChannelAffine> affine = {};
    int channel_axis = 1;
    bool to_nhwc = false;  // then the samples are N x C x H x W and Batch gives N x H x W x C
  };

  Dataset() = default;
  /// Errors: no input, an empty axis 0, inputs or labels of different counts, negative labels.
  static Result<Dataset> Of(std::vector<Input> inputs, std::vector<int64_t> labels = {},
                            std::vector<std::string> class_names = {});

  int64_t size() const { return static_cast<int64_t>(order_.size()); }
  size_t input_count() const { return store_->inputs.size(); }
  std::vector<std::string> input_names() const;
  /// Type and shape of one sample of input `i` as Batch gives it, without the sample axis.
  ElementType input_type(size_t i) const;
  Shape sample_shape(size_t i) const;

  bool has_labels() const { return !store_->labels.empty(); }
  /// This set's labels in its own order; empty when there are none.
  std::vector<int64_t> labels() const;
  const std::vector<std::string>& class_names() const { return store_->class_names; }
  /// Which sample of the opened data each of this set's samples is.
  const std::vector<int64_t>& indices() const { return order_; }

  /// Samples [begin, begin + count), which lie inside the set.
  DataBatch Batch(int64_t begin, int64_t count) const;
  /// The samples at these positions of this set.
  Dataset Subset(std::span<const int64_t> positions) const;
  Dataset Slice(int64_t begin, int64_t count) const;
  /// The same samples in an order that the seed fixes on every machine.
  Dataset Shuffled(uint64_t seed) const;
  /// The first `count` samples and the rest.
  std::pair<Dataset, Dataset> Split(int64_t count) const;

 private:
  struct Store {
    std::vector<Input> inputs;
    std::vector<int64_t> labels;
    std::vector<std::string> class_names;
  };
  Tensor Gather(const Input& input, int64_t begin, int64_t count) const;

  std::shared_ptr<const Store> store_ = std::make_shared<const Store>();
  std::vector<int64_t> order_;
};

/// Joins tensors of one type along axis 0; an error when types or other dimensions differ.
Result<Tensor> ConcatenateSamples(std::span<const Tensor> parts);

}  // namespace deftnn
