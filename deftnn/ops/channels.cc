#include "deftnn/ops/channels.h"

#include <utility>

#include "deftnn/ops/op.h"

namespace deftnn {

ChannelId ChannelSet::Fresh() {
  const ChannelId id = static_cast<ChannelId>(parent_.size());
  parent_.push_back(id);
  needed_.push_back(false);
  pinned_.push_back(false);
  return id;
}

ChannelId ChannelSet::Root(ChannelId id) const {
  while (parent_[id] != id) {
    parent_[id] = parent_[parent_[id]];
    id = parent_[id];
  }
  return id;
}

void ChannelSet::Unify(ChannelId a, ChannelId b) {
  a = Root(a);
  b = Root(b);
  if (a == b) return;
  if (b < a) std::swap(a, b);
  parent_[b] = a;
  needed_[a] = needed_[a] || needed_[b];
  pinned_[a] = pinned_[a] || pinned_[b];
}

ChannelLabels ChannelContext::Fresh(int axis, int64_t count) {
  ChannelLabels labels{axis, {}};
  labels.labels.reserve(count);
  for (int64_t i = 0; i < count; ++i) labels.labels.push_back(channels_.Fresh());
  return labels;
}

void ChannelContext::Need(const ChannelLabels& labels) {
  for (ChannelId id : labels.labels) channels_.Need(id);
}

void ChannelContext::Keep(const ChannelLabels& labels) {
  for (ChannelId id : labels.labels) channels_.Keep(id);
}

void ChannelContext::Pin(const ChannelLabels& labels) {
  for (ChannelId id : labels.labels) channels_.Pin(id);
}

void ChannelContext::Unify(const ChannelLabels& a, const ChannelLabels& b) {
  DEFTNN_CHECK(a.labels.size() == b.labels.size());
  for (size_t i = 0; i < a.labels.size(); ++i) channels_.Unify(a.labels[i], b.labels[i]);
}

void ChannelContext::End() {
  for (const ChannelLabels& labels : inputs_) Need(labels);
  for (ChannelLabels& labels : outputs_) labels = {};
}

void ChannelsPassThrough(ChannelContext& context) {
  context.SetOutput(0, context.input(0));
  for (size_t i = 1; i < context.num_inputs(); ++i) context.Need(context.input(i));
}

void ChannelsElementwise(ChannelContext& context) {
  // The first labelled input that reaches the output's full extent along its axis leads.
  const int rank = static_cast<int>(context.output_shape(0).size());
  const auto output_axis = [&](size_t i) {
    return context.input(i).axis + rank - static_cast<int>(context.input_shape(i).size());
  };
  ChannelLabels lead;
  for (size_t i = 0; i < context.num_inputs() && lead.empty(); ++i) {
    const ChannelLabels& labels = context.input(i);
    if (labels.empty()) continue;
    const int64_t extent = context.output_shape(0)[output_axis(i)];
    if (static_cast<int64_t>(labels.labels.size()) == extent) {
      lead = {output_axis(i), labels.labels};
    }
  }
  bool agree = !lead.empty();
  for (size_t i = 0; i < context.num_inputs() && agree; ++i) {
    if (!context.node().has_input(i)) continue;
    const Shape& shape = context.input_shape(i);
    const int axis = lead.axis - (rank - static_cast<int>(shape.size()));
    const bool spans = axis >= 0 && shape[axis] == context.output_shape(0)[lead.axis];
    const ChannelLabels& labels = context.input(i);
    if (labels.empty()) {
      // An unlabelled activation that spans the axis could not be cut along with it.
      if (spans && !context.is_constant(i) && shape[axis] > 1) agree = false;
    } else if (!spans || labels.axis != axis) {
      agree = false;
    }
  }
  if (!agree) return context.End();
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    if (!context.node().has_input(i)) continue;
    const Shape& shape = context.input_shape(i);
    const int axis = lead.axis - (rank - static_cast<int>(shape.size()));
    if (!context.input(i).empty()) {
      context.Unify(lead, context.input(i));
    } else if (context.is_constant(i) && axis >= 0 &&
               shape[axis] == static_cast<int64_t>(lead.labels.size())) {
      context.LabelConstant(i, {axis, lead.labels});
    }
  }
  context.SetOutput(0, lead);
}

ChannelMap MapChannels(const Graph& graph, const std::vector<ValueInfo>& values) {
  ChannelMap map;
  map.values.resize(graph.values().size());
  for (const Node& node : graph.nodes()) {
    std::vector<Shape> input_shapes, output_shapes;
    std::vector<ChannelLabels> labels;
    for (ValueId id : node.inputs) {
      input_shapes.push_back(id == kNoValue ? Shape{} : values[id].shape);
      labels.push_back(id == kNoValue ? ChannelLabels{} : map.values[id]);
    }
    for (ValueId id : node.outputs) {
      output_shapes.push_back(id == kNoValue ? Shape{} : values[id].shape);
    }
    ChannelContext context(graph, node, std::move(input_shapes), std::move(output_shapes),
                           std::move(labels), map.channels);
    const OpDef* op = FindOp(node.domain, node.op);
    if (op != nullptr && op->channels != nullptr) {
      op->channels(context);
    } else {
      context.End();
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) map.values[node.outputs[i]] = context.outputs()[i];
    }
    map.constants.insert(map.constants.end(), context.constants().begin(),
                         context.constants().end());
  }
  for (ValueId id : graph.outputs()) {
    for (ChannelId channel : map.values[id].labels) map.channels.Need(channel);
  }
  return map;
}

}  // namespace deftnn
