// unflatten_product: a fully connected layer over a flattened image is a convolution whose kernel
// is the image. As one it reads channels last like every other, its K groups hold neighbouring
// channels, and a channel that it drops can be cut where it is made.
#include <algorithm>
#include <numeric>

#include "deftnn/ops/synapse_product.h"
#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

// k of the flattened image, (c * H + h) * W + w, as k of the convolution, (h * W + w) * C + c.
int64_t ChannelFastest(int64_t k, int64_t channels, int64_t positions) {
  return k % positions * channels + k / positions;
}

// The product's columns in the order of the convolution's K.
struct Columns {
  std::vector<int32_t> kept;
  Tensor weights;
};

Columns Reorder(const Tensor& weights, const std::vector<int64_t>& entries, int64_t channels,
                int64_t positions) {
  const int64_t outputs = weights.dim(0), count = static_cast<int64_t>(entries.size());
  std::vector<int64_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0);
  const auto moved = [&](int64_t i) { return ChannelFastest(entries[i], channels, positions); };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return moved(a) < moved(b); });
  Columns columns;
  for (int64_t i : order) columns.kept.push_back(static_cast<int32_t>(moved(i)));
  columns.weights = Tensor::Zeros(ElementType::kFloat32, weights.shape());
  const auto from = weights.values<float>();
  auto to = columns.weights.mutable_values<float>();
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < count; ++i) to[o * count + i] = from[o * count + order[i]];
  }
  return columns;
}

// The image that `node` reads through a Flatten or Reshape that only it reads; kNoValue when there
// is none.
ValueId FlattenedImage(const Graph& graph, const PassContext& context, int index,
                       const std::vector<ValueInfo>& shapes) {
  const Node& node = graph.node(index);
  const ValueId x = node.inputs[SynapseProduct::kX];
  const int producer = context.producer(x);
  if (producer < 0 || context.only_reader(x) != index) return kNoValue;
  const Node& flatten = graph.node(producer);
  if (!flatten.domain.empty() || (flatten.op != "Flatten" && flatten.op != "Reshape"))
    return kNoValue;
  const ValueId image = flatten.inputs[0];
  const Shape &from = shapes[image].shape, &to = shapes[x].shape;
  const bool is_image =
      from.size() == 4 && to.size() == 2 && from[0] == to[0] && from[2] * from[3] > 1;
  return is_image && graph.Constant(image) == nullptr ? image : kNoValue;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!IsSynapseProduct(node) || node.String("kind", "") != "matmul") continue;
    const std::vector<ValueInfo>* shapes = context.shapes();
    if (shapes == nullptr) return std::optional<Patch>();
    const ValueId image = FlattenedImage(graph, context, static_cast<int>(i), *shapes);
    const Tensor* weights = graph.Constant(node.inputs[SynapseProduct::kW]);
    const Tensor* kept = graph.Constant(node.inputs[SynapseProduct::kKept]);
    if (image == kNoValue || node.has_input(SynapseProduct::kResidual) || weights == nullptr ||
        weights->type() != ElementType::kFloat32 || kept == nullptr) {
      continue;
    }
    const Shape& shape = (*shapes)[image].shape;
    const int64_t positions = shape[2] * shape[3];
    const Columns columns =
        Reorder(*weights, KeptEntries(*kept, node.Int("group_size", 1)), shape[1], positions);
    Patch patch(graph);
    Node conv = node;
    conv.attributes["kind"] = std::string("conv");
    conv.attributes["channels"] = shape[1];
    conv.attributes["group_size"] = int64_t{1};
    conv.attributes["kernel_shape"] = std::vector<int64_t>{shape[2], shape[3]};
    conv.inputs[SynapseProduct::kX] = image;
    conv.inputs[SynapseProduct::kW] = patch.AddConstant(node.name + ".weights", columns.weights);
    const int64_t count = static_cast<int64_t>(columns.kept.size());
    conv.inputs[SynapseProduct::kKept] =
        patch.AddConstant(node.name + ".kept", Tensor::Of<int32_t>({count}, columns.kept));
    conv.outputs[0] = patch.AddValue(graph.value(node.outputs[0]).name + ".pixel");
    patch.ReplaceNode(static_cast<int>(i), conv);
    Node flatten;
    flatten.name = node.name + ".flatten";
    flatten.op = "Flatten";
    flatten.inputs = {conv.outputs[0]};
    flatten.outputs = node.outputs;
    flatten.attributes["axis"] = int64_t{1};
    patch.AddNode(flatten);
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kUnflattenProductPass;
constinit const Pass kUnflattenProductPass = {
    "unflatten_product", "a fully connected layer over a flattened image becomes a convolution",
    &Next};

}  // namespace deftnn
