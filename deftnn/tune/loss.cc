#include "deftnn/tune/loss.h"

#include <algorithm>
#include <cmath>

#include "deftnn/data/class_rows.h"

namespace deftnn {
namespace {

// log softmax(values / temperature), in place of `out`.
void LogSoftmax(const float* values, int64_t stride, double temperature, std::vector<double>& out) {
  double largest = -INFINITY;
  for (size_t c = 0; c < out.size(); ++c) {
    out[c] = values[static_cast<int64_t>(c) * stride] / temperature;
    largest = std::max(largest, out[c]);
  }
  double sum = 0;
  for (const double value : out) sum += std::exp(value - largest);
  const double log_sum = largest + std::log(sum);
  for (double& value : out) value -= log_sum;
}

// One row of classes: adds its loss and, where `gradient` is not null, its gradient.
class ClassLoss {
 public:
  ClassLoss(const LossOptions& options, const ClassRows& rows)
      : options_(options), stride_(rows.class_stride), share_(1.0 / double(rows.positions)) {
    for (std::vector<double>* one : {&row_, &cool_, &taught_}) one->resize(rows.classes);
  }

  double AddLabel(const float* y, int64_t label, double scale, float* gradient) {
    LogSoftmax(y, stride_, 1.0, row_);
    const double weight = options_.labels * share_;
    for (size_t c = 0; gradient != nullptr && c < row_.size(); ++c) {
      const double hot = static_cast<int64_t>(c) == label ? 1.0 : 0.0;
      gradient[static_cast<int64_t>(c) * stride_] +=
          static_cast<float>(scale * weight * (std::exp(row_[c]) - hot));
    }
    return -weight * row_[label];
  }

  double AddTeacher(const float* y, const float* t, double scale, float* gradient) {
    const double temperature = options_.temperature;
    LogSoftmax(y, stride_, temperature, cool_);
    LogSoftmax(t, stride_, temperature, taught_);
    const double weight = options_.teacher * share_ * temperature * temperature;
    double divergence = 0;
    for (size_t c = 0; c < cool_.size(); ++c) {
      const double wanted = std::exp(taught_[c]);
      if (wanted > 0) divergence += wanted * (taught_[c] - cool_[c]);
      if (gradient == nullptr) continue;
      gradient[static_cast<int64_t>(c) * stride_] +=
          static_cast<float>(scale * weight / temperature * (std::exp(cool_[c]) - wanted));
    }
    return weight * divergence;
  }

 private:
  const LossOptions& options_;
  const int64_t stride_;
  const double share_;
  std::vector<double> row_, cool_, taught_;
};

Status CheckTaught(const Tensor& output, std::span<const Tensor> taught, size_t i) {
  if (i < taught.size() && taught[i].shape() == output.shape()) return {};
  return Error("the teacher's output is {}, the network's {}",
               i < taught.size() ? ToString(taught[i].shape()) : "missing",
               ToString(output.shape()));
}

Result<double> SumOverClasses(const LossOptions& options, const Tensor& output,
                              std::span<const Tensor> taught, std::span<const int64_t> labels,
                              double scale, Tensor* gradient) {
  DEFTNN_ASSIGN_OR_RETURN(const ClassRows rows, ClassRowsOf(output.shape()));
  if (options.teacher > 0) DEFTNN_RETURN_IF_ERROR(CheckTaught(output, taught, 0));
  if (gradient != nullptr) *gradient = Tensor::Zeros(ElementType::kFloat32, output.shape());
  const float* y = output.values<float>().data();
  float* out = gradient != nullptr ? gradient->mutable_values<float>().data() : nullptr;
  ClassLoss loss(options, rows);
  double sum = 0;
  for (int64_t n = 0; n < rows.samples; ++n) {
    if (options.labels > 0) DEFTNN_RETURN_IF_ERROR(CheckLabel(n, labels[n], rows));
    for (int64_t p = 0; p < rows.positions; ++p) {
      const int64_t at = n * rows.positions * rows.classes + p * rows.position_stride;
      float* to = out != nullptr ? out + at : nullptr;
      if (options.labels > 0) sum += loss.AddLabel(y + at, labels[n], scale, to);
      if (options.teacher > 0) {
        sum += loss.AddTeacher(y + at, taught[0].values<float>().data() + at, scale, to);
      }
    }
  }
  return sum;
}

// The squared distance of each sample from the teacher's, by the teacher's own square.
double SumOfDistances(const Tensor& output, const Tensor& taught, double weight, double scale,
                      Tensor* gradient) {
  constexpr double kLeastSquare = 1e-12;
  const auto y = output.values<float>(), t = taught.values<float>();
  const int64_t samples = output.rank() > 0 ? output.dim(0) : 1;
  const int64_t each = samples > 0 ? output.size() / samples : 0;
  if (gradient != nullptr) *gradient = Tensor::Zeros(ElementType::kFloat32, output.shape());
  double sum = 0;
  for (int64_t n = 0; n < samples; ++n) {
    double distance = 0, square = kLeastSquare;
    for (int64_t i = n * each; i < (n + 1) * each; ++i) {
      const double off = double{y[i]} - t[i];
      distance += off * off;
      square += double{t[i]} * t[i];
    }
    sum += weight * distance / square;
    if (gradient == nullptr) continue;
    auto out = gradient->mutable_values<float>();
    for (int64_t i = n * each; i < (n + 1) * each; ++i)
      out[i] = static_cast<float>(scale * weight * 2 * (double{y[i]} - t[i]) / square);
  }
  return sum;
}

}  // namespace

Result<double> SumOfLosses(const LossOptions& options, std::span<const Tensor> outputs,
                           std::span<const Tensor> taught, std::span<const int64_t> class_labels,
                           double scale, std::vector<Tensor>* gradients) {
  if (gradients != nullptr) gradients->assign(outputs.size(), Tensor());
  if (options.classes) {
    return SumOverClasses(options, outputs[0], taught, class_labels, scale,
                          gradients != nullptr ? &gradients->front() : nullptr);
  }
  double sum = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    DEFTNN_RETURN_IF_ERROR(CheckTaught(outputs[i], taught, i));
    sum += SumOfDistances(outputs[i], taught[i], 1.0 / static_cast<double>(outputs.size()), scale,
                          gradients != nullptr ? &(*gradients)[i] : nullptr);
  }
  return sum;
}

}  // namespace deftnn
