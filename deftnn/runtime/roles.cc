#include "deftnn/runtime/roles.h"

#include <algorithm>
#include <optional>

#include "deftnn/ops/activations.h"
#include "deftnn/ops/pad.h"
#include "deftnn/ops/slice.h"
#include "deftnn/ops/softmax.h"
#include "deftnn/ops/synapse_product.h"
#include "deftnn/ops/window.h"

namespace deftnn {
namespace {

bool IsFloat(const ValueInfo& info) { return info.type == ElementType::kFloat32; }

class Chooser {
 public:
  Chooser(const Graph& graph, const std::vector<ValueInfo>& infos) : graph_(graph), infos_(infos) {
    roles_.nodes.resize(graph.nodes().size());
    roles_.values.resize(graph.values().size());
  }

  Roles Choose() {
    for (size_t i = 0; i < graph_.nodes().size(); ++i) ChooseForm(static_cast<int>(i));
    for (size_t i = graph_.nodes().size(); i-- > 0;) WantFormats(static_cast<int>(i));
    for (const Node& node : graph_.nodes()) WantHalos(node);
    for (size_t i = 0; i < graph_.nodes().size(); ++i) PlaceConcatParts(static_cast<int>(i));
    return std::move(roles_);
  }

 private:
  const Shape& shape(ValueId id) const { return infos_[id].shape; }
  Form form(ValueId id) const { return roles_.values[id].form; }
  bool constant(ValueId id) const { return infos_[id].constant.defined(); }

  void ChooseForm(int index) {
    const Node& node = graph_.node(index);
    NodeChoice& choice = roles_.nodes[index];
    bool known = true;
    for (ValueId id : node.outputs) known = known && (id == kNoValue || constant(id));
    choice =
        known ? NodeChoice{NodeRole::kConstant, StepKind::kPlain, Form::kPlain} : Classify(node);
    for (ValueId id : node.outputs) {
      if (id != kNoValue) roles_.values[id].form = choice.form;
    }
  }

  NodeChoice Classify(const Node& node) const {
    const NodeChoice plain{NodeRole::kStep, StepKind::kPlain, Form::kPlain};
    if (IsSynapseProduct(node)) {
      const bool conv = node.String("kind", "") == "conv";
      return {NodeRole::kStep, StepKind::kProduct, conv ? Form::kImage : Form::kRows};
    }
    if (node.outputs.empty() || node.outputs[0] == kNoValue || !node.has_input(0)) return plain;
    const ValueId x = node.inputs[0];
    if (node.domain == kDeftnnDomain && node.op == "DepthwiseConv" && IsImageShape(shape(x))) {
      return {NodeRole::kStep, StepKind::kDepthwise, Form::kImage};
    }
    if (!node.domain.empty() || !IsFloat(infos_[x]) || !IsFloat(infos_[node.outputs[0]]))
      return plain;
    if (IsPool(node) && IsImageShape(shape(x)) && node.outputs.size() == 1) {
      return {NodeRole::kStep, StepKind::kPool, Form::kImage};
    }
    const Form lead = form(x) == Form::kImage ? Form::kImage : Form::kRows;
    if (ReadActivation(graph_, node)) return {NodeRole::kStep, StepKind::kActivation, lead};
    if (node.op == "Softmax" || node.op == "LogSoftmax") return Softmax(node);
    if (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div")
      return Binary(node);
    if (node.op == "Concat") return Concat(node);
    if (node.op == "Gather") return {NodeRole::kStep, StepKind::kGather, Form::kPlain};
    if (node.op == "ReduceSum" || node.op == "ReduceMean") {
      return {NodeRole::kStep, StepKind::kReduce, Form::kPlain};
    }
    if (const auto form = TransposesChannels(node)) {
      return {NodeRole::kReshape, StepKind::kConvert, *form};
    }
    if (IsReshape(node) || KeepsOrder(node)) return Reshape(node);
    if (SlicesImage(node)) return {NodeRole::kStep, StepKind::kSlice, Form::kImage};
    if (PadsImage(node)) return {NodeRole::kStep, StepKind::kPad, Form::kImage};
    return plain;
  }

  static bool IsPool(const Node& node) {
    return node.op == "MaxPool" || node.op == "AveragePool" || node.op == "GlobalAveragePool" ||
           node.op == "GlobalMaxPool";
  }
  static bool IsReshape(const Node& node) {
    return node.op == "Flatten" || node.op == "Reshape" || node.op == "Squeeze" ||
           node.op == "Unsqueeze" || node.op == "Identity" ||
           (node.op == "Dropout" && node.outputs.size() == 1);  // else the mask is wanted too
  }

  // At these shapes every element stays where it is: a Slice that keeps everything, a Transpose
  // that only moves axes of extent one.
  bool KeepsOrder(const Node& node) const {
    const Shape &from = shape(node.inputs[0]), &to = shape(node.outputs[0]);
    if (node.op == "Slice") {
      if (from != to) return false;
      if (!node.has_input(4)) return true;
      const Tensor& steps = infos_[node.inputs[4]].constant;
      const auto values = steps.defined() ? ToInt64Vector(steps) : Error("unknown");
      return values.ok() &&
             std::all_of(values->begin(), values->end(), [](int64_t step) { return step == 1; });
    }
    if (node.op != "Transpose" || !node.has("perm")) return false;
    int64_t last = -1;
    for (const int64_t axis : node.Ints("perm")) {
      if (from.at(static_cast<size_t>(axis)) == 1) continue;
      if (axis < last) return false;
      last = axis;
    }
    return true;
  }

  // A Transpose between channels first and channels last: an image has its bytes in the order of
  // the other side, so only the form changes.
  std::optional<Form> TransposesChannels(const Node& node) const {
    const Shape& from = shape(node.inputs[0]);
    if (node.op != "Transpose" || !IsImageShape(from) || !node.has("perm")) return {};
    const std::vector<int64_t> perm = node.Ints("perm");
    std::vector<int64_t> place = {0, 2, 1};  // of each axis, channels last
    if (from.size() == 4) place = {0, 3, 1, 2};
    const bool image = form(node.inputs[0]) == Form::kImage;
    std::vector<int64_t> axis_at(from.size());  // of the input, at each place in memory
    for (size_t i = 0; i < perm.size(); ++i) axis_at[image ? i : place[i]] = perm[i];
    int64_t last = -1;
    for (const int64_t axis : axis_at) {
      if (from[axis] == 1) continue;
      const int64_t now = image ? place[axis] : axis;
      if (now < last) return {};
      last = now;
    }
    return image ? Form::kRows : Form::kImage;
  }

  // A node that moves elements of an image, by constants, to another that is not empty.
  bool MovesImage(const Node& node) const {
    const ValueId x = node.inputs[0];
    if (form(x) != Form::kImage || !IsImageShape(shape(x))) return false;
    if (ElementCount(shape(x)) == 0 || ElementCount(shape(node.outputs[0])) == 0) return false;
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](ValueId id) { return id == kNoValue || constant(id); });
  }

  const Tensor* OptionalConstant(const Node& node, size_t i) const {
    return node.has_input(i) ? &infos_[node.inputs[i]].constant : nullptr;
  }

  // Every image of the batch, neighbouring channels, and rows and columns in rising order.
  bool SlicesImage(const Node& node) const {
    if (node.op != "Slice" || !MovesImage(node)) return false;
    SliceLists lists = {};
    for (size_t i = 0; i < lists.size(); ++i) lists[i] = OptionalConstant(node, i + 1);
    const Shape& x = shape(node.inputs[0]);
    const auto ranges = ReadSlice(x, lists);
    if (!ranges.ok()) return false;
    const SliceRange &images = ranges->at(0), &channels = ranges->at(1);
    return images.step == 1 && images.count == x[0] && channels.step == 1 &&
           std::all_of(ranges->begin() + 2, ranges->end(),
                       [](const SliceRange& range) { return range.step > 0; });
  }

  // With a constant, and neither more images nor less of anything.
  bool PadsImage(const Node& node) const {
    if (node.op != "Pad" || !MovesImage(node)) return false;
    if (node.String("mode", "constant") != "constant") return false;
    const auto pads = ReadPads(shape(node.inputs[0]).size(), infos_[node.inputs[1]].constant,
                               OptionalConstant(node, 3));
    const auto grows = [](const std::vector<int64_t>& side) {
      return side[0] == 0 &&
             std::all_of(side.begin(), side.end(), [](int64_t pad) { return pad >= 0; });
    };
    return pads.ok() && grows(pads->begin) && grows(pads->end);
  }

  // Of elements that lie side by side in row-major order.
  NodeChoice Softmax(const Node& node) const {
    const Shape& x = shape(node.inputs[0]);
    const auto axes = SoftmaxAxes::Read(node, x);
    if (!axes.ok()) return {};  // shape inference has refused it before
    const AxisSplit split = axes->Split(x);
    if (split.inner != 1 || split.extent == 0) return {};
    const bool last = split.extent == x.back();
    return {NodeRole::kStep, StepKind::kSoftmax, last ? Form::kRows : Form::kPlain};
  }

  // Same shapes; or a per-channel, per-image-and-channel or scalar second operand; or any others.
  NodeChoice Binary(const Node& node) const {
    const bool floats = IsFloat(infos_[node.inputs[1]]) && !shape(node.outputs[0]).empty();
    const NodeChoice binary = OfOneShape(node);
    return binary.kind == StepKind::kPlain && floats
               ? NodeChoice{NodeRole::kStep, StepKind::kBroadcast, Form::kRows}
               : binary;
  }

  NodeChoice OfOneShape(const Node& node) const {
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (!IsFloat(infos_[b])) return {};
    if (constant(a) || shape(a) != shape(y)) {
      const bool commutes = node.op == "Add" || node.op == "Mul";
      if (!commutes || constant(b) || shape(b) != shape(y)) return {};
    }
    const ValueId full = constant(a) || shape(a) != shape(y) ? b : a;
    const ValueId other = full == a ? b : a;
    const Form lead =
        form(full) == Form::kImage || form(other) == Form::kImage ? Form::kImage : Form::kRows;
    const NodeChoice binary{NodeRole::kStep, StepKind::kBinary, lead};
    if (!constant(other) && shape(other) == shape(y)) return binary;
    if (ElementCount(shape(other)) == 1 && constant(other)) return binary;
    const int rank = static_cast<int>(shape(y).size());
    const int offset = rank - static_cast<int>(shape(other).size());
    const int channel_axis = lead == Form::kImage ? 1 : rank - 1;
    for (int axis = 0; axis < rank; ++axis) {
      const int64_t extent = axis < offset ? 1 : shape(other)[axis - offset];
      if (axis == channel_axis ? extent != shape(y)[axis] : extent != 1) {
        const bool per_image =
            axis == 0 && lead == Form::kImage && extent == shape(y)[0] && !constant(other);
        if (!per_image) return {};
      }
    }
    if (constant(other)) return binary;
    // An activation of N x C x 1 x 1 (squeeze and excitation).
    return lead == Form::kImage && offset == 0 && shape(other)[0] == shape(y)[0] ? binary
                                                                                 : NodeChoice{};
  }

  NodeChoice Concat(const Node& node) const {
    const int64_t rank = static_cast<int64_t>(shape(node.outputs[0]).size());
    int64_t axis = node.Int("axis", 0);
    if (axis < 0) axis += rank;
    bool images = rank >= 3, rows = rank >= 1;
    for (ValueId id : node.inputs) {
      if (id == kNoValue || constant(id)) return {};
      images = images && form(id) == Form::kImage;
      rows = rows && form(id) == Form::kRows;
    }
    if (images && axis == 1) return {NodeRole::kConcat, StepKind::kConvert, Form::kImage};
    if (rows && axis == rank - 1) return {NodeRole::kConcat, StepKind::kConvert, Form::kRows};
    return {};
  }

  // N x C x 1 x 1 and N x C have the same bytes in every form, images of as many pixels and
  // channels too; other shapes do in row-major order.
  NodeChoice Reshape(const Node& node) const {
    const Shape &from = shape(node.inputs[0]), &to = shape(node.outputs[0]);
    const auto vector_per_image = [](const Shape& s) {
      return s.size() >= 2 && ElementCount(s) == s[0] * s[1];
    };
    const Form have = form(node.inputs[0]);
    const bool same_images = IsImageShape(from) && IsImageShape(to) && from[1] == to[1];
    if (have != Form::kPlain && from.size() >= 2 && to.size() >= 2 && from[0] == to[0]) {
      if (vector_per_image(from) && vector_per_image(to)) {
        return {NodeRole::kReshape, StepKind::kConvert,
                to.size() == 2 ? Form::kRows : Form::kImage};
      }
      if (have == Form::kImage && same_images) {
        return {NodeRole::kReshape, StepKind::kConvert, Form::kImage};
      }
    }
    if (have == Form::kRows) return {NodeRole::kReshape, StepKind::kConvert, Form::kRows};
    return {NodeRole::kReshape, StepKind::kConvert, Form::kPlain};
  }

  // A value is kept in DFP16 when a product with 16-bit weights reads it, directly or through steps
  // that work in either format.
  void WantFormats(int index) {
    const Node& node = graph_.node(index);
    const NodeChoice& choice = roles_.nodes[index];
    if (choice.role == NodeRole::kConstant || node.inputs.empty() || node.inputs[0] == kNoValue)
      return;
    if (choice.role == NodeRole::kStep &&
        (choice.kind == StepKind::kProduct || choice.kind == StepKind::kDepthwise)) {
      if (node.has_input(1) && infos_[node.inputs[1]].type == ElementType::kBfloat16) {
        Want16(node.inputs[0]);
        if (node.has_input(SynapseProduct::kResidual) &&
            roles_.values[node.outputs[0]].format == Format::kDfp16) {
          Want16(node.inputs[SynapseProduct::kResidual]);
        }
      }
      return;
    }
    const bool either = choice.role == NodeRole::kConcat || choice.role == NodeRole::kReshape ||
                        choice.kind == StepKind::kPool || choice.kind == StepKind::kActivation ||
                        choice.kind == StepKind::kBinary || choice.kind == StepKind::kSlice ||
                        choice.kind == StepKind::kPad;
    if (!either || choice.form == Form::kPlain) return;
    if (roles_.values[node.outputs[0]].format != Format::kDfp16) return;
    for (ValueId id : node.inputs) {
      if (id != kNoValue) Want16(id);
    }
  }

  void Want16(ValueId id) {
    if (roles_.values[id].form != Form::kPlain && !constant(id))
      roles_.values[id].format = Format::kDfp16;
  }

  void WantHalos(const Node& node) {
    const bool conv = IsSynapseProduct(node)
                          ? node.String("kind", "") == "conv"
                          : node.domain == kDeftnnDomain && node.op == "DepthwiseConv";
    if (!conv || !IsImageShape(shape(node.inputs[0]))) return;
    const Shape& x = shape(node.inputs[0]);
    const auto window = ResolveWindow(node, {x.begin() + 2, x.end()});
    if (!window.ok()) return;  // shape inference has refused it before
    Halo& halo = roles_.values[node.inputs[0]].halo;
    const int last = window->axes() - 1;
    const auto overhang = [&](int axis) {
      const int64_t reach = (window->output[axis] - 1) * window->strides[axis] +
                            (window->kernel[axis] - 1) * window->dilations[axis] + 1;
      return std::max<int64_t>(0, reach - x[2 + axis] - window->pads_begin[axis]);
    };
    halo.left = std::max(halo.left, window->pads_begin[last]);
    halo.right = std::max(halo.right, overhang(last));
    if (last == 1) {
      halo.top = std::max(halo.top, window->pads_begin[0]);
      halo.bottom = std::max(halo.bottom, overhang(0));
    }
  }

  static bool WritesSlices(StepKind kind) {
    return kind == StepKind::kProduct || kind == StepKind::kDepthwise || kind == StepKind::kPool ||
           kind == StepKind::kActivation || kind == StepKind::kBinary || kind == StepKind::kSlice ||
           kind == StepKind::kPad;
  }

  // A part is written straight into its slice when only this concatenation wants it there.
  void PlaceConcatParts(int index) {
    const Node& node = graph_.node(index);
    if (roles_.nodes[index].role != NodeRole::kConcat) return;
    const ValueId whole = node.outputs[0];
    const int channel_axis =
        roles_.nodes[index].form == Form::kImage ? 1 : static_cast<int>(shape(whole).size()) - 1;
    int64_t offset = 0;
    for (ValueId part : node.inputs) {
      ValueChoice& choice = roles_.values[part];
      const int producer = graph_.Producer(part);
      const bool once = std::count(node.inputs.begin(), node.inputs.end(), part) == 1;
      const bool step = producer >= 0 && roles_.nodes[producer].role == NodeRole::kStep &&
                        WritesSlices(roles_.nodes[producer].kind);
      const bool same = choice.format == roles_.values[whole].format && choice.halo.empty() &&
                        graph_.Consumers(part).size() == 1 && !graph_.IsOutput(part);
      if (once && step && same && choice.concat == kNoValue) {
        choice.concat = whole;
        choice.concat_offset = offset;
        choice.halo = {};
      }
      offset += shape(part)[channel_axis];
    }
  }

  const Graph& graph_;
  const std::vector<ValueInfo>& infos_;
  Roles roles_;
};

}  // namespace

bool IsImageShape(const Shape& shape) { return shape.size() == 3 || shape.size() == 4; }

Roles ChooseRoles(const Graph& graph, const std::vector<ValueInfo>& infos) {
  return Chooser(graph, infos).Choose();
}

Layout LayoutOf(Form form, const Shape& shape, Format format, const Halo& halo) {
  if (form == Form::kImage) {
    const int64_t height = shape.size() == 4 ? shape[2] : 1;
    return Layout::Dense(shape[0], height, shape.size() >= 3 ? shape.back() : 1, shape[1], format,
                         halo.top, halo.bottom, halo.left, halo.right);
  }
  const int64_t channels = shape.empty() ? 1 : shape.back();
  const int64_t rows = channels == 0 ? 0 : ElementCount(shape) / channels;
  return Layout::Dense(1, 1, rows, channels, format);
}

}  // namespace deftnn
