// What fine-tuning minimises, with its gradient at the network's outputs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

struct LossOptions {
  /// Outputs are logits of classes: the first one counts. Otherwise the loss is the squared
  /// distance from the teacher's outputs, relative to their square, a mean over all outputs.
  bool classes = true;
  double labels = 1;       // weight of the cross-entropy with the labels
  double teacher = 0;      // weight of the distance from the teacher
  double temperature = 2;  // that both sides' logits are divided by in that distance
};

/// The loss summed over the samples of a batch. With classes, a sample's loss is
///
///   labels * -log softmax(y)[label]  +  teacher * T^2 * KL(softmax(t / T) || softmax(y / T)),
///
/// a mean over its positions (data/class_rows.h); T^2 keeps the gradient's size at any temperature
/// (Hinton, Vinyals and Dean 2015). `taught`: the teacher's outputs, where `teacher` > 0;
/// `class_labels`: one a sample, where `labels` > 0. `gradients`, unless null, get `scale` times
/// the gradient, one tensor an output (undefined where it is zero). Errors: shapes that differ from
/// the teacher's, a label that is no class.
Result<double> SumOfLosses(const LossOptions& options, std::span<const Tensor> outputs,
                           std::span<const Tensor> taught, std::span<const int64_t> class_labels,
                           double scale, std::vector<Tensor>* gradients);

}  // namespace deftnn
