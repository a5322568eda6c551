// lower_products: Conv, Gemm and MatMul with constant weights become SynapseProduct, depthwise Conv
// becomes DepthwiseConv.
#include "deftnn/ops/depthwise_conv.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

const Tensor* FloatConstant(const Graph& graph, const Node& node, size_t input) {
  const Tensor* constant = node.has_input(input) ? graph.Constant(node.inputs[input]) : nullptr;
  return constant != nullptr && constant->type() == ElementType::kFloat32 ? constant : nullptr;
}

Node Start(const Node& node, std::string_view op) {
  return {node.name, std::string(kDeftnnDomain), std::string(op), {node.inputs[0]}, node.outputs,
          {}};
}

void CopyWindow(const Node& from, const Shape& weights, Node& to) {
  for (const char* key : {"strides", "dilations", "pads", "auto_pad"}) {
    if (from.has(key)) to.attributes[key] = from.attributes.at(key);
  }
  to.attributes["kernel_shape"] = std::vector<int64_t>(weights.begin() + 2, weights.end());
}

// [outputs, channels, positions] as [outputs, positions * channels]: k = position * channels + c.
Tensor ChannelFastest(const Tensor& weights) {
  const int64_t outputs = weights.dim(0), channels = weights.dim(1);
  const int64_t row = outputs == 0 ? 0 : weights.size() / outputs;
  const int64_t positions = channels == 0 ? 0 : row / channels;
  Tensor result = Tensor::Zeros(ElementType::kFloat32, {outputs, row});
  const auto in = weights.values<float>();
  auto out = result.mutable_values<float>();
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t p = 0; p < positions; ++p) {
        out[o * row + p * channels + c] = in[(o * channels + c) * positions + p];
      }
    }
  }
  return result;
}

void AddDenseInputs(Patch& patch, Node& product, Tensor weights, ValueId bias) {
  const int64_t k = weights.dim(1);
  product.attributes["group_size"] = int64_t{1};
  product.inputs.push_back(patch.AddConstant(product.name + ".weights", std::move(weights)));
  product.inputs.push_back(patch.AddConstant(product.name + ".kept", EveryGroup(k)));
  if (bias != kNoValue) product.inputs.push_back(bias);
}

std::optional<Patch> LowerConv(const Graph& graph, int index) {
  const Node& node = graph.node(index);
  const Tensor* weights = FloatConstant(graph, node, 1);
  if (weights == nullptr || weights->rank() < 3 || weights->rank() > 4) return {};
  const ValueId bias = node.has_input(2) ? node.inputs[2] : kNoValue;
  if (bias != kNoValue && FloatConstant(graph, node, 2) == nullptr) return {};
  const int64_t groups = node.Int("group", 1);
  const int64_t outputs = weights->dim(0), channels = weights->dim(1);
  if (groups < 1 || outputs % groups != 0) return {};
  Patch patch(graph);
  if (groups > 1 && channels == 1 && outputs == groups) {
    Node lowered = Start(node, kDepthwiseConv);
    CopyWindow(node, weights->shape(), lowered);
    lowered.inputs.push_back(node.inputs[1]);
    if (bias != kNoValue) lowered.inputs.push_back(bias);
    patch.ReplaceNode(index, std::move(lowered));
    return patch;
  }
  Node lowered = Start(node, kSynapseProduct);
  CopyWindow(node, weights->shape(), lowered);
  lowered.attributes["kind"] = std::string("conv");
  lowered.attributes["channels"] = channels;
  lowered.attributes["groups"] = groups;
  AddDenseInputs(patch, lowered, ChannelFastest(*weights), bias);
  patch.ReplaceNode(index, std::move(lowered));
  return patch;
}

// [k, outputs] (or, transposed, [outputs, k]) as [outputs, k], times `alpha`.
Tensor OutputsFirst(const Tensor& matrix, bool transposed, float alpha) {
  const int64_t k = matrix.dim(transposed ? 1 : 0), outputs = matrix.dim(transposed ? 0 : 1);
  if (transposed && alpha == 1) return matrix;
  Tensor result = Tensor::Zeros(ElementType::kFloat32, {outputs, k});
  const auto in = matrix.values<float>();
  auto out = result.mutable_values<float>();
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < k; ++i) {
      out[o * k + i] = alpha * in[transposed ? o * k + i : i * outputs + o];
    }
  }
  return result;
}

// Gemm's C as one number for each output, times beta; undefined when it differs between rows.
Tensor BiasOf(const Tensor& c, int64_t outputs, float beta) {
  const bool last_fits = c.rank() == 0 || c.dim(-1) == 1 || c.dim(-1) == outputs;
  if (!last_fits || c.rank() > 2 || (c.rank() == 2 && c.dim(0) != 1)) return {};
  Tensor bias = Tensor::Zeros(ElementType::kFloat32, {outputs});
  auto values = bias.mutable_values<float>();
  for (int64_t o = 0; o < outputs; ++o) values[o] = beta * c.values<float>()[c.size() == 1 ? 0 : o];
  return bias;
}

std::optional<Patch> LowerMatrix(const Graph& graph, int index) {
  const Node& node = graph.node(index);
  const bool gemm = node.op == "Gemm";
  const Tensor* weights = FloatConstant(graph, node, 1);
  if (weights == nullptr || weights->rank() != 2 || graph.Constant(node.inputs[0]) != nullptr) {
    return {};
  }
  if (gemm && node.Int("transA", 0) != 0) return {};
  const bool transposed = gemm && node.Int("transB", 0) != 0;
  const int64_t outputs = weights->dim(transposed ? 0 : 1);
  Patch patch(graph);
  ValueId bias = kNoValue;
  if (gemm && node.has_input(2)) {
    const Tensor* c = FloatConstant(graph, node, 2);
    if (c == nullptr) return {};
    const float beta = node.Float("beta", 1);
    if (beta == 1 && c->shape() == Shape{outputs}) {
      bias = node.inputs[2];
    } else {
      Tensor values = BiasOf(*c, outputs, beta);
      if (!values.defined()) return {};
      bias = patch.AddConstant(node.name + ".bias", std::move(values));
    }
  }
  Node lowered = Start(node, kSynapseProduct);
  lowered.attributes["kind"] = std::string("matmul");
  lowered.attributes["channels"] = weights->dim(transposed ? 1 : 0);
  const float alpha = gemm ? node.Float("alpha", 1) : 1.0f;
  AddDenseInputs(patch, lowered, OutputsFirst(*weights, transposed, alpha), bias);
  patch.ReplaceNode(index, std::move(lowered));
  return patch;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const int index = static_cast<int>(i);
    const Node& node = graph.node(index);
    if (!node.domain.empty() || !node.has_input(0)) continue;
    std::optional<Patch> patch;
    if (node.op == "Conv") patch = LowerConv(graph, index);
    if (node.op == "Gemm" || node.op == "MatMul") patch = LowerMatrix(graph, index);
    if (patch) return patch;
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kLowerProductsPass;
constinit const Pass kLowerProductsPass = {
    "lower_products", "turns products with constant weights into SynapseProduct", &Next};

}  // namespace deftnn
