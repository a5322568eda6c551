// Pad: elements added before and behind each axis (or taken away, where the pad is negative): a
// constant, the mirrored elements, the edge, or the other end (wrap).
#include "deftnn/ops/pad.h"

#include <algorithm>
#include <cstring>

#include "deftnn/ops/axes.h"
#include "deftnn/ops/movement.h"

namespace deftnn {
namespace {

/// Before opset 11 pads and value are attributes.
Status Normalise(NormaliseContext& context) {
  if (context.opset() >= 11) return {};
  context.MoveIntsToInput("pads", 1);
  Node& node = context.node();
  const float value = node.Float("value", 0);
  node.attributes.erase("value");
  if (value != 0) {
    node.inputs.resize(std::max<size_t>(node.inputs.size(), 3), kNoValue);
    node.inputs[2] = context.AddConstant("value", Tensor::Scalar(value));
  }
  return {};
}

/// Larger pads are refused, so that positions can be computed without overflow.
constexpr int64_t kLargestPad = int64_t{1} << 48;

enum class Mode { kConstant, kReflect, kEdge, kWrap };

Result<Mode> ModeOf(const Node& node) {
  const std::string mode = node.String("mode", "constant");
  if (mode == "constant") return Mode::kConstant;
  if (mode == "reflect") return Mode::kReflect;
  if (mode == "edge") return Mode::kEdge;
  if (mode == "wrap") return Mode::kWrap;
  return Error("its mode '{}' is not constant, reflect, edge or wrap", mode);
}

Result<Pads> Resolve(size_t rank, const std::vector<int64_t>& pads, std::vector<int64_t> axes,
                     bool axes_given) {
  if (!axes_given) {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (pads.size() != 2 * axes.size()) {
    return Error("it has {} pads for {} axes", pads.size(), axes.size());
  }
  for (const int64_t pad : pads) {
    if (pad < -kLargestPad || pad > kLargestPad) return Error("its pad {} is out of range", pad);
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int> resolved, ResolveAxes(axes, rank));
  Pads result{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  for (size_t i = 0; i < resolved.size(); ++i) {
    result.begin[resolved[i]] = pads[i];
    result.end[resolved[i]] = pads[i + resolved.size()];
  }
  return result;
}

/// Where position i of the padded axis comes from.
int64_t Source(Mode mode, int64_t i, int64_t begin, int64_t extent) {
  const int64_t at = i - begin;
  if (at >= 0 && at < extent) return at;
  if (mode == Mode::kConstant) return kNowhere;
  if (mode == Mode::kEdge) return std::clamp<int64_t>(at, 0, extent - 1);
  if (mode == Mode::kWrap) return (at % extent + extent) % extent;
  if (extent == 1) return 0;
  const int64_t period = 2 * (extent - 1);
  const int64_t folded = (at % period + period) % period;
  return std::min(folded, period - folded);
}

Status Infer(InferContext& context) {
  DEFTNN_RETURN_IF_ERROR(CheckMovable(context));
  if (!context.has_input(1)) return Error("Pad needs pads");
  DEFTNN_ASSIGN_OR_RETURN(const Mode mode, ModeOf(context.node()));
  if (context.has_input(2) && ElementCount(context.shape(2)) != 1) {
    return Error("its value is of shape {}, not a scalar", ToString(context.shape(2)));
  }
  const bool widened = context.has_input(2) && context.type(0) == ElementType::kFloat64 &&
                       context.type(2) == ElementType::kFloat32;
  if (context.has_input(2) && context.type(2) != context.type(0) && !widened) {
    return Error("its value is {} where the data is {}", NameOf(context.type(2)),
                 NameOf(context.type(0)));
  }
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> pads, context.IntsInput(1, "pads"));
  DEFTNN_ASSIGN_OR_RETURN(std::vector<int64_t> axes, context.IntsInput(3, "axes"));
  DEFTNN_ASSIGN_OR_RETURN(const Pads resolved, Resolve(context.shape(0).size(), pads,
                                                       std::move(axes), context.has_input(3)));
  Shape out = context.shape(0);
  for (size_t axis = 0; axis < out.size(); ++axis) {
    const int64_t extent = out[axis];
    if (__builtin_add_overflow(out[axis], resolved.begin[axis], &out[axis]) ||
        __builtin_add_overflow(out[axis], resolved.end[axis], &out[axis]) || out[axis] < 0) {
      return Error("pads {} and {} don't fit axis {} of extent {}", resolved.begin[axis],
                   resolved.end[axis], axis, extent);
    }
    if (mode != Mode::kConstant && extent == 0 && out[axis] > 0) {
      return Error("there is nothing along axis {} to pad with", axis);
    }
  }
  context.SetOutput(0, context.type(0), std::move(out));
  return {};
}

void Fill(Tensor& out, const Tensor& value) {
  const size_t bytes = static_cast<size_t>(BitsOf(out.type())) / 8;
  std::byte* to = out.mutable_data();
  double wide = 0;
  const std::byte* from = value.data();
  if (value.type() != out.type()) {
    wide = value.values<float>()[0];
    from = reinterpret_cast<const std::byte*>(&wide);
  }
  for (int64_t i = 0; i < out.size(); ++i) std::memcpy(to + i * bytes, from, bytes);
}

Status Evaluate(EvaluateContext& context) {
  if (context.output(0).size() == 0) return {};
  const Tensor& in = context.input(0);
  Tensor& out = context.output(0);
  DEFTNN_ASSIGN_OR_RETURN(const Mode mode, ModeOf(context.node()));
  DEFTNN_ASSIGN_OR_RETURN(const Pads pads,
                          ReadPads(in.shape().size(), context.input(1),
                                   context.has_input(3) ? &context.input(3) : nullptr));
  if (context.has_input(2)) Fill(out, context.input(2));
  const std::vector<int64_t> strides = RowMajorStrides(in.shape());
  Offsets offsets(in.shape().size());
  for (int axis = 0; axis < in.rank(); ++axis) {
    for (int64_t i = 0; i < out.dim(axis); ++i) {
      const int64_t source = Source(mode, i, pads.begin[axis], in.dim(axis));
      offsets[axis].push_back(source == kNowhere ? kNowhere : source * strides[axis]);
    }
  }
  MoveByOffsets(in, offsets, out);
  return {};
}

/// Channels pass. Where their own axis is padded, the new ones are all alike, but none can be cut.
void Channels(ChannelContext& context) {
  const ChannelLabels& labels = context.input(0);
  const bool constant = context.num_inputs() > 1 && context.is_constant(1) &&
                        (!context.node().has_input(3) || context.is_constant(3));
  if (labels.empty() || !constant) return context.End();
  const auto pads = ReadPads(context.input_shape(0).size(), context.constant(1),
                             context.node().has_input(3) ? &context.constant(3) : nullptr);
  if (!pads.ok()) return context.End();
  const int64_t before = pads->begin[labels.axis], after = pads->end[labels.axis];
  if (before == 0 && after == 0) return context.SetOutput(0, labels);
  if (before < 0 || after < 0 || context.node().String("mode", "constant") != "constant") {
    return context.End();
  }
  ChannelLabels padded = context.Fresh(labels.axis, before);
  padded.labels.insert(padded.labels.end(), labels.labels.begin(), labels.labels.end());
  const ChannelLabels behind = context.Fresh(labels.axis, after);
  padded.labels.insert(padded.labels.end(), behind.labels.begin(), behind.labels.end());
  context.Keep(padded);
  context.SetOutput(0, std::move(padded));
}

}  // namespace

Result<Pads> ReadPads(size_t rank, const Tensor& pads, const Tensor* axes) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<int64_t> list, ToInt64Vector(pads));
  std::vector<int64_t> named;
  if (axes != nullptr) {
    DEFTNN_ASSIGN_OR_RETURN(named, ToInt64Vector(*axes));
  }
  return Resolve(rank, list, std::move(named), axes != nullptr);
}

extern const OpDef kPadOp;
constinit const OpDef kPadOp = {.name = "Pad",
                                .max_inputs = 4,
                                .normalise = &Normalise,
                                .infer = &Infer,
                                .evaluate = &Evaluate,
                                .channels = &Channels};

}  // namespace deftnn
