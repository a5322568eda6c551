#include "deftnn/ops/synapse_product.h"

#include <array>
#include <numeric>

namespace deftnn {
namespace {

using Kind = SynapseProduct::Kind;

struct ActivationName {
  std::string_view name;
  Activation kind;
};
constexpr std::array<ActivationName, 10> kActivations = {{{"", Activation::kNone},
                                                          {"Relu", Activation::kRelu},
                                                          {"Clip", Activation::kClip},
                                                          {"LeakyRelu", Activation::kLeakyRelu},
                                                          {"Sigmoid", Activation::kSigmoid},
                                                          {"HardSigmoid", Activation::kHardSigmoid},
                                                          {"HardSwish", Activation::kHardSwish},
                                                          {"Tanh", Activation::kTanh},
                                                          {"Gelu", Activation::kGelu},
                                                          {"GeluTanh", Activation::kGeluTanh}}};

Status CheckKept(const Tensor& kept, int64_t available) {
  if (kept.type() != ElementType::kInt32 || kept.rank() != 1) {
    return Error("the table of kept K groups must be a list of int32");
  }
  int64_t last = -1;
  for (int32_t group : kept.values<int32_t>()) {
    if (group <= last || group >= available) {
      return Error("the table of kept K groups must rise strictly below {}, found {}", available,
                   group);
    }
    last = group;
  }
  return {};
}

Status Infer(InferContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(context.node()));
  const Shape& x = context.shape(SynapseProduct::kX);
  const Shape& w = context.shape(SynapseProduct::kW);
  if (w.size() != 2) return Error("W must have rank 2, got {}", ToString(w));
  const Tensor* kept = context.constant(SynapseProduct::kKept);
  if (kept == nullptr) return Error("the table of kept K groups must be a constant");
  const int64_t full = FullK(context.node(), product);
  if (full % product.group_size != 0) {
    return Error("K = {} is not a multiple of the group size {}", full, product.group_size);
  }
  DEFTNN_RETURN_IF_ERROR(CheckKept(*kept, full / product.group_size));
  if (w[1] != kept->size() * product.group_size) {
    return Error("W has {} columns for {} kept groups of {}", w[1], kept->size(),
                 product.group_size);
  }
  if (context.has_input(SynapseProduct::kBias) &&
      context.shape(SynapseProduct::kBias) != Shape{w[0]}) {
    return Error("the bias must have {} entries", w[0]);
  }
  Shape y;
  if (product.kind == Kind::kMatmul) {
    if (x.empty() || x.back() != product.channels) {
      return Error("expected ... x {} inputs, got {}", product.channels, ToString(x));
    }
    y = x;
    y.back() = w[0];
  } else {
    if (x.size() < 3 || x.size() > 4 || x[1] != product.channels * product.groups) {
      return Error("expected N x {} x spatial inputs, got {}", product.channels * product.groups,
                   ToString(x));
    }
    if (w[0] % product.groups != 0) return Error("{} outputs in {} groups", w[0], product.groups);
    DEFTNN_ASSIGN_OR_RETURN(const Window window,
                            ResolveWindow(context.node(), {x.begin() + 2, x.end()}));
    y = {x[0], w[0]};
    y.insert(y.end(), window.output.begin(), window.output.end());
  }
  if (context.has_input(SynapseProduct::kResidual) &&
      context.shape(SynapseProduct::kResidual) != y) {
    return Error("the residual's shape {} is not the output's {}",
                 ToString(context.shape(SynapseProduct::kResidual)), ToString(y));
  }
  context.SetOutput(0, ElementType::kFloat32, std::move(y));
  return {};
}

struct Operands {
  std::span<const float> x, w, bias, residual;
  std::vector<int64_t> entries;  // kept entries of K
  int64_t outputs = 0;
  ActivationSpec activation;
  std::span<float> y;

  float Finish(double sum, int64_t output, int64_t at) const {
    float value = static_cast<float>(sum + (bias.empty() ? 0.0f : bias[output]));
    if (!residual.empty()) value += residual[at];
    return Activate(activation, value);
  }
};

void EvaluateMatmul(const SynapseProduct& product, const Operands& op) {
  const int64_t kept = static_cast<int64_t>(op.entries.size());
  const int64_t rows =
      product.channels == 0 ? 0 : static_cast<int64_t>(op.x.size()) / product.channels;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t o = 0; o < op.outputs; ++o) {
      double sum = 0;
      for (int64_t k = 0; k < kept; ++k) {
        sum += double{op.x[row * product.channels + op.entries[k]]} * op.w[o * kept + k];
      }
      op.y[row * op.outputs + o] = op.Finish(sum, o, row * op.outputs + o);
    }
  }
}

void EvaluateConv(const SynapseProduct& product, const Plane& p, int64_t batch,
                  const Operands& op) {
  const int64_t c_count = product.channels, kept = static_cast<int64_t>(op.entries.size());
  const int64_t outputs_per_group = op.outputs / product.groups;
  const int64_t in_plane = p.in_h * p.in_w, out_plane = p.out_h * p.out_w;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t o = 0; o < op.outputs; ++o) {
      const int64_t first = (n * product.groups + o / outputs_per_group) * c_count;
      for (int64_t at = 0; at < out_plane; ++at) {
        double sum = 0;
        for (int64_t k = 0; k < kept; ++k) {
          const int64_t position = op.entries[k] / c_count, c = op.entries[k] % c_count;
          const int64_t h =
              at / p.out_w * p.stride_h - p.pad_h + position / p.kernel_w * p.dilation_h;
          const int64_t w =
              at % p.out_w * p.stride_w - p.pad_w + position % p.kernel_w * p.dilation_w;
          if (h < 0 || h >= p.in_h || w < 0 || w >= p.in_w) continue;
          sum += double{op.x[(first + c) * in_plane + h * p.in_w + w]} * op.w[o * kept + k];
        }
        const int64_t to = (n * op.outputs + o) * out_plane + at;
        op.y[to] = op.Finish(sum, o, to);
      }
    }
  }
}

Status Evaluate(EvaluateContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const SynapseProduct product, SynapseProduct::Read(context.node()));
  DEFTNN_ASSIGN_OR_RETURN(const Tensor weights, ToFloat32(context.input(SynapseProduct::kW)));
  const Tensor& x = context.input(SynapseProduct::kX);
  if (x.type() != ElementType::kFloat32)
    return Error("X must be float32, got {}", NameOf(x.type()));
  Operands op;
  op.x = x.values<float>();
  op.w = weights.values<float>();
  if (context.has_input(SynapseProduct::kBias))
    op.bias = context.input(SynapseProduct::kBias).values<float>();
  if (context.has_input(SynapseProduct::kResidual)) {
    op.residual = context.input(SynapseProduct::kResidual).values<float>();
  }
  op.entries = KeptEntries(context.input(SynapseProduct::kKept), product.group_size);
  op.outputs = weights.dim(0);
  op.activation = product.activation;
  op.y = context.output(0).mutable_values<float>();
  if (product.kind == Kind::kMatmul) {
    EvaluateMatmul(product, op);
    return {};
  }
  DEFTNN_ASSIGN_OR_RETURN(const Window window,
                          ResolveWindow(context.node(), {x.shape().begin() + 2, x.shape().end()}));
  EvaluateConv(product, MakePlane(window, x.shape()), x.dim(0), op);
  return {};
}

void Channels(ChannelContext& context) {
  const auto read = SynapseProduct::Read(context.node());
  if (!read.ok() || read->groups != 1 || !context.is_constant(SynapseProduct::kW) ||
      !context.is_constant(SynapseProduct::kKept)) {
    return context.End();
  }
  const ChannelLabels& x = context.input(SynapseProduct::kX);
  const int channel_axis =
      read->kind == Kind::kConv ? 1 : static_cast<int>(context.output_shape(0).size()) - 1;
  if (!x.empty() && x.axis == channel_axis) {
    const std::vector<int64_t> entries =
        KeptEntries(context.constant(SynapseProduct::kKept), read->group_size);
    for (int64_t k : entries) context.Keep(x.labels[k % read->channels]);
    // A table of some entries lists them in the order of their channels.
    if (std::ssize(entries) != FullK(context.node(), *read)) context.Pin(x);
  } else {
    context.Need(x);
  }
  const int64_t outputs = context.output_shape(0)[channel_axis];
  const ChannelLabels labels = context.Fresh(channel_axis, outputs);
  context.LabelConstant(SynapseProduct::kW, {0, labels.labels});
  if (context.node().has_input(SynapseProduct::kBias)) {
    context.LabelConstant(SynapseProduct::kBias, {0, labels.labels});
  }
  if (context.node().has_input(SynapseProduct::kResidual)) {
    const ChannelLabels& residual = context.input(SynapseProduct::kResidual);
    if (residual.axis == channel_axis && residual.labels.size() == labels.labels.size()) {
      context.Unify(labels, residual);
    } else {
      context.Need(residual);
      context.Need(labels);
    }
  }
  context.SetOutput(0, labels);
}

}  // namespace

Result<SynapseProduct> SynapseProduct::Read(const Node& node) {
  SynapseProduct product;
  const std::string kind = node.String("kind", "");
  if (kind != "conv" && kind != "matmul") return Error("kind '{}' is not conv or matmul", kind);
  product.kind = kind == "conv" ? Kind::kConv : Kind::kMatmul;
  product.channels = node.Int("channels", 0);
  product.group_size = node.Int("group_size", 1);
  product.groups = node.Int("groups", 1);
  if (product.channels < 0 || product.group_size < 1 || product.groups < 1) {
    return Error("channels {}, group_size {} or groups {} out of range", product.channels,
                 product.group_size, product.groups);
  }
  DEFTNN_ASSIGN_OR_RETURN(product.activation, GetActivation(node));
  return product;
}

Result<ActivationSpec> SynapseProduct::GetActivation(const Node& node) {
  const std::string activation = node.String("activation", "");
  for (const ActivationName& row : kActivations) {
    if (row.name == activation) {
      return ActivationSpec{row.kind, node.Float("alpha", 0), node.Float("beta", 0)};
    }
  }
  return Error("activation '{}' is unknown", activation);
}

void SynapseProduct::SetActivation(Node& node, const ActivationSpec& activation) {
  for (const ActivationName& row : kActivations) {
    if (row.kind == activation.kind) node.attributes["activation"] = std::string(row.name);
  }
  node.attributes["alpha"] = activation.alpha;
  node.attributes["beta"] = activation.beta;
}

Tensor EveryGroup(int64_t groups) {
  std::vector<int32_t> kept(groups);
  std::iota(kept.begin(), kept.end(), 0);
  return Tensor::Of<int32_t>({groups}, kept);
}

std::vector<int64_t> KeptEntries(const Tensor& kept, int64_t group_size) {
  std::vector<int64_t> entries;
  entries.reserve(kept.size() * group_size);
  for (int32_t group : kept.values<int32_t>()) {
    for (int64_t j = 0; j < group_size; ++j) entries.push_back(group * group_size + j);
  }
  return entries;
}

int64_t FullK(const Node& node, const SynapseProduct& product) {
  int64_t k = product.channels;
  if (product.kind == Kind::kConv) {
    for (int64_t extent : node.Ints("kernel_shape")) k *= extent;
  }
  return k;
}

constinit const OpDef kSynapseProductOp = {.name = kSynapseProduct,
                                           .domain = kDeftnnDomain,
                                           .min_inputs = 3,
                                           .max_inputs = 5,
                                           .infer = &Infer,
                                           .evaluate = &Evaluate,
                                           .channels = &Channels};

}  // namespace deftnn
