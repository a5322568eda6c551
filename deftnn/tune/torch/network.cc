#include "deftnn/tune/torch/network.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <cblas.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <cstring>

#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/tune/torch/operators.h"

namespace deftnn::torch_engine {
namespace {

// OpenBLAS is shared with analysis/, which wants one thread in each of its own.
class BlasThreads {
 public:
  explicit BlasThreads(int threads) : before_(openblas_get_num_threads()) {
    SetBlas(threads);
    // Setting it makes LibTorch start its pools anew.
    if (at::get_num_threads() != threads) at::set_num_threads(threads);
  }
  ~BlasThreads() { SetBlas(before_); }
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  static void SetBlas(int threads) {
    if (openblas_get_num_threads() != threads) openblas_set_num_threads(threads);
  }
  const int before_;
};

at::Tensor ToTorch(const Tensor& tensor) {
  at::Tensor out = at::empty(tensor.shape());
  if (tensor.size() > 0) std::memcpy(out.data_ptr<float>(), tensor.data(), tensor.bytes());
  return out;
}

Tensor FromTorch(const at::Tensor& tensor) {
  const at::Tensor rows = tensor.detach().contiguous();
  Tensor out = Tensor::Zeros(ElementType::kFloat32, rows.sizes().vec());
  if (out.size() > 0) std::memcpy(out.mutable_data(), rows.data_ptr<float>(), out.bytes());
  return out;
}

// Runs `body`, which returns a Status or a Result; what LibTorch throws becomes an error.
template <typename Body>
auto Guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return Error("LibTorch: {}", text.substr(0, text.find('\n')));
  }
}

// One value while the network runs: float32 for LibTorch, everything else as it is.
struct Held {
  at::Tensor torch;
  Tensor plain;
  bool defined() const { return torch.defined() || plain.defined(); }
};

class Network : public TrainableNetwork {
 public:
  Network(const Graph& graph, std::vector<ValueId> outputs, int threads)
      : graph_(graph), outputs_(std::move(outputs)), threads_(threads) {}

  Status Prepare() {
    const BlasThreads threads(threads_);
    held_.resize(graph_.values().size());
    opaque_.assign(graph_.nodes().size(), false);
    for (size_t v = 0; v < graph_.values().size(); ++v) {
      const Tensor& constant = graph_.values()[v].constant;
      if (!constant.defined()) continue;
      held_[v].plain = constant;
      if (constant.type() == ElementType::kFloat32) held_[v].torch = ToTorch(constant);
    }
    MarkTrainable();
    // A run on zeros tells which nodes gradients pass.
    preparing_ = true;
    std::vector<Tensor> zeros;
    for (const ValueInfo& info : DefaultInputs(graph_)) {
      if (!info.known()) return Error("the type of an input is not declared");
      zeros.push_back(Tensor::Zeros(info.type, info.shape));
    }
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<at::Tensor> made, Run(zeros));
    preparing_ = false;
    return KeepReached(made);
  }

  const std::vector<TrainableConstant>& constants() const override { return constants_; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  void Set(size_t constant, std::span<const float> values) override {
    const at::NoGradGuard no_gradient;
    std::memcpy(parameters_[constant].data_ptr<float>(), values.data(), values.size_bytes());
  }

  Result<std::vector<Tensor>> Forward(const std::vector<Tensor>& inputs) override {
    return Guarded([&]() -> Result<std::vector<Tensor>> {
      const BlasThreads threads(threads_);
      DEFTNN_ASSIGN_OR_RETURN(made_, Run(inputs));
      std::vector<Tensor> tensors;
      for (const at::Tensor& one : made_) tensors.push_back(FromTorch(one));
      return tensors;
    });
  }

  Status Backward(const std::vector<Tensor>& output_gradients,
                  std::vector<std::vector<float>>& sums) override {
    return Guarded([&]() -> Status {
      const BlasThreads threads(threads_);
      std::vector<at::Tensor> of, with;
      for (size_t i = 0; i < made_.size(); ++i) {
        if (!made_[i].requires_grad() || !output_gradients[i].defined()) continue;
        of.push_back(made_[i]);
        with.push_back(ToTorch(output_gradients[i]));
      }
      made_.clear();
      const auto gradients =
          torch::autograd::grad(of, parameters_, with, c10::nullopt, false, /*allow_unused=*/true);
      for (size_t i = 0; i < gradients.size(); ++i) {
        if (!gradients[i].defined()) continue;
        const at::Tensor gradient = gradients[i].contiguous();
        const float* from = gradient.data_ptr<float>();
        for (size_t j = 0; j < sums[i].size(); ++j) sums[i][j] += from[j];
      }
      return {};
    });
  }

 private:
  void AddConstant(ValueId id, bool weights) {
    const bool known = std::any_of(constants_.begin(), constants_.end(),
                                   [&](const TrainableConstant& one) { return one.id == id; });
    const Tensor* constant = graph_.Constant(id);
    if (known || constant == nullptr || constant->type() != ElementType::kFloat32) return;
    constants_.push_back({id, graph_.value(id).name, constant->shape(), weights});
    held_[id].torch.requires_grad_(true);
    parameters_.push_back(held_[id].torch);
  }

  void MarkTrainable() {
    for (const Node& node : graph_.nodes()) {
      if (!IsSynapseProduct(node) && !IsDepthwiseConv(node)) continue;
      const size_t bias = IsDepthwiseConv(node) ? static_cast<size_t>(DepthwiseConv::kBias)
                                                : static_cast<size_t>(SynapseProduct::kBias);
      AddConstant(node.inputs[SynapseProduct::kW], true);
      if (node.has_input(bias)) AddConstant(node.inputs[bias], false);
    }
  }

  // Drops the constants that no gradient reaches.
  Status KeepReached(const std::vector<at::Tensor>& made) {
    std::vector<at::Tensor> of, with;
    for (const at::Tensor& one : made) {
      if (!one.requires_grad()) continue;
      of.push_back(one);
      with.push_back(at::zeros_like(one));
    }
    if (of.empty()) {
      return Error("has no weights that can be trained{}",
                   warnings_.empty() ? "" : ": " + warnings_.front());
    }
    const auto gradients =
        torch::autograd::grad(of, parameters_, with, c10::nullopt, false, /*allow_unused=*/true);
    std::vector<TrainableConstant> constants;
    std::vector<at::Tensor> parameters;
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined()) {
        parameters_[i].requires_grad_(false);
        continue;
      }
      constants.push_back(constants_[i]);
      parameters.push_back(parameters_[i]);
    }
    constants_ = std::move(constants);
    parameters_ = std::move(parameters);
    return {};
  }

  // Shapes for inputs like these; one set is remembered, since a last batch may be smaller.
  Status Infer(const std::vector<Tensor>& inputs) {
    std::vector<ValueInfo> infos;
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) {
      infos.push_back({input.type(), input.shape(), {}});
      shapes.push_back(input.shape());
    }
    if (shapes == shapes_) return {};
    DEFTNN_ASSIGN_OR_RETURN(infos_, InferShapes(graph_, infos));
    shapes_ = std::move(shapes);
    return {};
  }

  Result<std::vector<at::Tensor>> Run(const std::vector<Tensor>& inputs) {
    DEFTNN_RETURN_IF_ERROR(Infer(inputs));
    std::vector<Held> values = held_;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Held& held = values[graph_.inputs()[i]];
      held.plain = inputs[i];
      if (inputs[i].type() == ElementType::kFloat32) held.torch = ToTorch(inputs[i]);
    }
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      const Status run = RunNode(n, values);
      if (!run.ok()) return run.WithNode(graph_.nodes()[n].name);
    }
    std::vector<at::Tensor> made;
    for (const ValueId id : outputs_) {
      if (!values[id].torch.defined())
        return Error("output '{}' is no float32", graph_.value(id).name);
      made.push_back(values[id].torch);
    }
    return made;
  }

  Status RunNode(size_t index, std::vector<Held>& values) {
    const Node& node = graph_.nodes()[index];
    if (!opaque_[index]) {
      const Status applied = ApplyTorch(node, values);
      if (applied.ok()) return {};
      if (!preparing_) return applied;
      opaque_[index] = true;
      bool stops = false;
      for (const ValueId id : node.inputs)
        stops |= id != kNoValue && values[id].torch.defined() && values[id].torch.requires_grad();
      if (stops) {
        warnings_.push_back(fmt::format(
            "node '{}': {} cannot be trained through ({}): what lies before it stays as it is",
            node.name, node.op, applied.reason()));
      }
    }
    return ApplyPlain(node, values);
  }

  Status ApplyTorch(const Node& node, std::vector<Held>& values) {
    const Operator apply = FindOperator(node);
    if (apply == nullptr) return Error("it has no gradient here");
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && infos_[id].type != ElementType::kFloat32) return Error("no float32");
    }
    OperatorCall call{node, {}, {}, {}, {}};
    for (const ValueId id : node.inputs) {
      const bool there = id != kNoValue;
      call.inputs.push_back(there ? values[id].torch : at::Tensor());
      call.plain.push_back(there && values[id].plain.defined() ? &values[id].plain : nullptr);
      call.input_infos.push_back(there ? &infos_[id] : nullptr);
    }
    for (const ValueId id : node.outputs)
      call.output_infos.push_back(id != kNoValue ? &infos_[id] : nullptr);
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<at::Tensor> made, apply(call));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      values[node.outputs[i]].torch = made[i];
    }
    return {};
  }

  Status ApplyPlain(const Node& node, std::vector<Held>& values) {
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && !values[id].plain.defined())
        values[id].plain = FromTorch(values[id].torch);
      inputs.push_back(id != kNoValue ? &values[id].plain : nullptr);
    }
    DEFTNN_ASSIGN_OR_RETURN(const std::vector<Tensor> made, EvaluateNode(node, inputs));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      Held& held = values[node.outputs[i]];
      held.plain = made[i];
      if (made[i].type() == ElementType::kFloat32) held.torch = ToTorch(made[i]);
    }
    return {};
  }

  const Graph graph_;
  const std::vector<ValueId> outputs_;
  const int threads_;
  std::vector<Held> held_;    // by value: the constants
  std::vector<bool> opaque_;  // by node: run by its plain implementation
  bool preparing_ = false;
  std::vector<TrainableConstant> constants_;
  std::vector<at::Tensor> parameters_;  // theirs; the same storage as in held_
  std::vector<std::string> warnings_;
  std::vector<Shape> shapes_;     // of the inputs that infos_ is for
  std::vector<ValueInfo> infos_;  // by value
  std::vector<at::Tensor> made_;  // by the last Forward
};

}  // namespace

void PrepareThread() { at::set_num_threads(1); }

Result<std::unique_ptr<TrainableNetwork>> Rebuild(const Graph& graph,
                                                  const std::vector<ValueId>& outputs,
                                                  int threads) {
  return Guarded([&]() -> Result<std::unique_ptr<TrainableNetwork>> {
    auto network = std::make_unique<Network>(graph, outputs, threads);
    DEFTNN_RETURN_IF_ERROR(network->Prepare());
    return std::unique_ptr<TrainableNetwork>(std::move(network));
  });
}

}  // namespace deftnn::torch_engine
