#include "deftnn/pipeline/feed.h"

#include <algorithm>
#include <cmath>

#include "deftnn/base/rng.h"
#include "deftnn/data/open_dataset.h"
#include "deftnn/data/preprocess.h"
#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

Result<Tensor> Converted(const Tensor& tensor, ElementType type) {
  if (tensor.type() == type || type == ElementType::kUndefined) return tensor;
  if (type == ElementType::kFloat32) return ToFloat32(tensor);
  Tensor out;
  const bool known = VisitArithmetic(tensor.type(), [&](auto from) {
    VisitArithmetic(type, [&](auto to) {
      out = Tensor::Zeros(type, tensor.shape());
      const auto in = tensor.values<decltype(from)>();
      auto values = out.mutable_values<decltype(to)>();
      for (size_t i = 0; i < in.size(); ++i) values[i] = static_cast<decltype(to)>(in[i]);
    });
  });
  if (!known || !out.defined())
    return Error("cannot turn {} into {}", NameOf(tensor.type()), NameOf(type));
  return out;
}

// The declared shape with the batch filled in; the data's own where nothing is declared.
Result<Shape> SampleShape(const Value& input, const Shape& given) {
  if (!input.shape) return given;
  Shape wanted = *input.shape;
  if (wanted.empty()) return given;
  wanted[0] = given.empty() ? 1 : given[0];
  if (wanted.size() == given.size()) {
    for (size_t a = 1; a < wanted.size(); ++a) {
      if (wanted[a] == kDynamic) wanted[a] = given[a];
    }
  }
  const bool open = std::find(wanted.begin(), wanted.end(), kDynamic) != wanted.end();
  if (open || ElementCount(wanted) != ElementCount(given)) {
    return Error("samples of shape {} do not fit input '{}' of shape {}", ToString(given),
                 input.name, DeclaredShape(*input.shape))
        .WithHint("--preprocess with resize, crop or layout");
  }
  return wanted;
}

// A NaN or an infinity would spread through every statistic and score.
Status CheckFinite(const Dataset& data) {
  constexpr int64_t kSamplesAtOnce = 64;
  for (int64_t begin = 0; begin < data.size(); begin += kSamplesAtOnce) {
    const DataBatch batch = data.Batch(begin, std::min(kSamplesAtOnce, data.size() - begin));
    for (size_t i = 0; i < batch.inputs.size(); ++i) {
      if (batch.inputs[i].type() != ElementType::kFloat32) continue;
      const auto values = batch.inputs[i].values<float>();
      const auto bad =
          std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
      if (bad == values.end()) continue;
      const int64_t per_sample = batch.inputs[i].size() / batch.inputs[i].dim(0);
      return Error("sample {} of input '{}' holds {}", begin + (bad - values.begin()) / per_sample,
                   data.input_names()[i], std::isnan(*bad) ? "NaN" : "an infinity");
    }
  }
  return {};
}

}  // namespace

Result<Dataset> OpenDataFor(const Graph& graph, const std::string& path,
                            const CommonOptions& options) {
  DataOptions data_options;
  data_options.labels_path = options.labels;
  if (!options.preprocess.empty()) {
    DEFTNN_ASSIGN_OR_RETURN(data_options.preprocess, ReadPreprocess(options.preprocess));
  }
  for (ValueId id : graph.inputs()) data_options.input_names.push_back(graph.value(id).name);
  DEFTNN_ASSIGN_OR_RETURN(Dataset data, OpenDataset(path, data_options));
  const auto first = MakeFeed(graph, data, 0, 1);
  if (!first.ok()) return first.status().WithFile(path);
  DEFTNN_RETURN_IF_ERROR(CheckFinite(data).WithFile(path));
  return data;
}

int64_t FixedBatch(const Graph& graph) {
  for (ValueId id : graph.inputs()) {
    const auto& shape = graph.value(id).shape;
    if (shape && !shape->empty() && shape->front() != kDynamic) return shape->front();
  }
  return 0;
}

int64_t BatchFor(const Graph& graph, int64_t wanted) {
  const int64_t fixed = FixedBatch(graph);
  return fixed > 0 ? fixed : wanted;
}

Result<Feed> MakeFeed(const Graph& graph, const Dataset& data, int64_t begin, int64_t count) {
  if (data.input_count() != graph.inputs().size()) {
    return Error("the data has {} inputs, the network {}", data.input_count(),
                 graph.inputs().size());
  }
  DataBatch batch = data.Batch(begin, count);
  Feed feed;
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const Value& input = graph.value(graph.inputs()[i]);
    DEFTNN_ASSIGN_OR_RETURN(const Shape shape, SampleShape(input, batch.inputs[i].shape()));
    DEFTNN_ASSIGN_OR_RETURN(const Tensor tensor, Converted(batch.inputs[i], input.type));
    feed.inputs.push_back(tensor.Reshaped(shape));
  }
  feed.labels = std::move(batch.labels);
  return feed;
}

std::vector<Tensor> RandomInputs(const Graph& graph, int64_t batch, uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> inputs;
  for (const ValueInfo& info : DefaultInputs(graph, BatchFor(graph, batch))) {
    const ElementType type = info.known() ? info.type : ElementType::kFloat32;
    Tensor tensor = Tensor::Zeros(type, info.shape);
    VisitArithmetic(type, [&](auto sample) {
      using T = decltype(sample);
      for (T& value : tensor.mutable_values<T>()) {
        if constexpr (std::is_floating_point_v<T>) {
          value = static_cast<T>(rng.Normal());
        } else {
          value = static_cast<T>(rng.Below(2));
        }
      }
    });
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace deftnn
