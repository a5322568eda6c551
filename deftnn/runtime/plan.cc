#include "deftnn/runtime/plan.h"

#include <algorithm>
#include <utility>

#include "deftnn/ops/activations.h"
#include "deftnn/runtime/cut_batch.h"
#include "deftnn/runtime/memory_plan.h"
#include "deftnn/runtime/roles.h"
#include "deftnn/runtime/samples.h"

namespace deftnn {
namespace {

constexpr int kArenaBase = 0;

class Planner {
 public:
  Planner(const Graph& graph, std::vector<ValueInfo> infos, const Backend& backend, bool whole)
      : graph_(graph),
        infos_(std::move(infos)),
        backend_(backend),
        batch_(BatchOf(graph, infos_)),
        whole_(whole || batch_ == 1),
        roles_(ChooseRoles(graph, infos_)),
        forms_(graph.values().size()),
        samples_(whole_ ? std::vector<bool>(graph.values().size())
                        : FindSamples(graph, infos_, batch_)) {}

  Result<Plan> Make(const std::vector<ValueInfo>& inputs) {
    for (size_t i = 0; i < graph_.inputs().size(); ++i) {
      Operand operand = PlainOperand(graph_.inputs()[i]);
      operand.base = 1 + static_cast<int>(i);
      forms_[graph_.inputs()[i]].push_back(operand);
    }
    for (size_t i = 0; i < graph_.nodes().size(); ++i) Emit(static_cast<int>(i));
    EmitOutputs();
    return Finish(inputs);
  }

 private:
  int OutputBase(size_t i) const { return 1 + static_cast<int>(graph_.inputs().size() + i); }

  Operand PlainOperand(ValueId id) const {
    Operand operand;
    operand.type = infos_[id].type;
    operand.shape = infos_[id].shape;
    return operand;
  }

  Operand ShapedOperand(ValueId id, Form form, Format format, const Halo& halo) const {
    Operand operand = PlainOperand(id);
    operand.form = form;
    if (form == Form::kPlain) return operand;
    operand.layout = LayoutOf(form, infos_[id].shape, format, halo);
    operand.type = format == Format::kFp32 ? ElementType::kFloat32 : ElementType::kBfloat16;
    return operand;
  }

  // Room in the arena; the halo and the slack behind it included.
  Operand WithBuffer(Operand operand) {
    // What is plain may be read as an image later.
    int64_t bytes = operand.bytes() + kSlack * static_cast<int64_t>(sizeof(float));
    if (operand.form != Form::kPlain) {
      const int64_t element = BytesOf(operand.layout.format);
      bytes = (operand.layout.extent() + kSlack) * element;
      operand.offset = operand.layout.interior() * element;
    }
    operand.buffer = static_cast<int>(buffers_.size());
    operand.base = kArenaBase;
    buffers_.push_back({bytes, -1, -1, 0});
    return operand;
  }

  // Where a node writes `id`: its slice of a concatenation, the caller's output, or the arena.
  Operand OutputOperand(ValueId id, Form form) {
    const ValueChoice& choice = roles_.values[id];
    Operand operand;
    if (choice.concat != kNoValue) {
      operand = Slice(Whole(choice.concat), id, choice.concat_offset);
    } else {
      operand = ShapedOperand(id, form, choice.format, choice.halo);
      const auto& outputs = graph_.outputs();
      const auto at = std::find(outputs.begin(), outputs.end(), id);
      if (at != outputs.end() && SameBytesAsPlain(operand)) {
        operand.base = OutputBase(at - outputs.begin());
      } else {
        operand = WithBuffer(operand);
      }
    }
    forms_[id].push_back(operand);
    return operand;
  }

  // The whole of a concatenation, made when its first part is written.
  Operand Whole(ValueId id) {
    if (forms_[id].empty()) {
      const int producer = graph_.Producer(id);
      OutputOperand(id, roles_.nodes[producer].form);
    }
    return forms_[id].front();
  }

  Operand Slice(const Operand& whole, ValueId part, int64_t first_channel) const {
    Operand operand = whole;
    operand.shape = infos_[part].shape;
    operand.layout.channels =
        operand.form == Form::kImage ? operand.shape[1] : operand.shape.back();
    operand.offset += first_channel * BytesOf(whole.layout.format);
    operand.owns_slack = first_channel == 0;
    return operand;
  }

  static bool Suits(const Operand& have, const Operand& wanted) {
    if (wanted.form == Form::kPlain) return have.form == Form::kPlain || SameBytesAsPlain(have);
    const auto covers = [](const Layout& a, const Layout& b) {
      return a.halo_top >= b.halo_top && a.halo_bottom >= b.halo_bottom &&
             a.halo_left >= b.halo_left && a.halo_right >= b.halo_right;
    };
    return have.form == wanted.form && have.layout.format == wanted.layout.format &&
           covers(have.layout, wanted.layout);
  }

  // `id` in this form, through a conversion step when no step has made it so.
  Operand Require(ValueId id, Form form, Format format, const Halo& halo = {}) {
    const Operand wanted = ShapedOperand(id, form, format, halo);
    if (infos_[id].constant.defined() && forms_[id].empty()) {
      Operand constant = PlainOperand(id);
      constant.constant = infos_[id].constant;
      forms_[id].push_back(constant);
    }
    for (const Operand& have : forms_[id]) {
      if (Suits(have, wanted)) return Reinterpreted(have, wanted);
      // A row-major float32 tensor is a matrix as it stands.
      if (have.form == Form::kPlain && SameBytesAsPlain(wanted)) return Reinterpreted(have, wanted);
    }
    DEFTNN_CHECK(!forms_[id].empty());
    Operand from = forms_[id].front();
    // From rank 3 on, an image and a matrix order the same elements differently: row-major lies
    // between.
    if (from.form != Form::kPlain && form != Form::kPlain && from.form != form &&
        infos_[id].shape.size() > 2) {
      from = Require(id, Form::kPlain, Format::kFp32);
    }
    forms_[id].push_back(Converted(id, from, wanted));
    return forms_[id].back();
  }

  // A new buffer that a conversion step fills with what `from` holds of the value.
  Operand Converted(ValueId id, const Operand& from, const Operand& wanted) {
    Operand to = WithBuffer(wanted);
    Node node;
    node.name = graph_.value(id).name;
    node.op = "Convert";
    AddSpec({StepKind::kConvert, node, {from}, {to}, {}}, samples_[id]);
    return to;
  }

  static Operand Reinterpreted(Operand have, const Operand& wanted) {
    if (have.form == wanted.form) return have;
    have.form = wanted.form;
    have.layout = wanted.layout;
    have.type = wanted.type;
    have.shape = wanted.shape;
    return have;
  }

  void Emit(int index) {
    const Node& node = graph_.node(index);
    const NodeChoice& choice = roles_.nodes[index];
    switch (choice.role) {
      case NodeRole::kConstant:
        return;
      case NodeRole::kReshape:
        return EmitReshape(node, choice.form);
      case NodeRole::kConcat:
        return EmitConcat(node, choice.form);
      case NodeRole::kStep:
        break;
    }
    StepSpec spec{choice.kind, node, {}, {}, ReadActivation(graph_, node)};
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      spec.inputs.push_back(node.inputs[i] == kNoValue ? Operand{} : InputOperand(node, i, choice));
    }
    for (ValueId id : node.outputs) {
      spec.outputs.push_back(id == kNoValue ? Operand{} : OutputOperand(id, choice.form));
    }
    const bool by_sample = std::all_of(node.outputs.begin(), node.outputs.end(),
                                       [&](ValueId id) { return id == kNoValue || samples_[id]; });
    AddSpec(std::move(spec), by_sample);
  }

  Operand InputOperand(const Node& node, size_t i, const NodeChoice& choice) {
    const ValueId id = node.inputs[i];
    const ValueInfo& info = infos_[id];
    const bool weights = choice.kind == StepKind::kProduct || choice.kind == StepKind::kDepthwise;
    const bool whole_tensor = choice.kind == StepKind::kBinary && !info.constant.defined();
    const bool residual = choice.kind == StepKind::kProduct && i == 4;
    const bool lead = i == 0 && choice.form != Form::kPlain && !info.constant.defined();
    if (choice.form == Form::kPlain || choice.kind == StepKind::kBroadcast ||
        !(lead || whole_tensor || residual || (weights && i == 0))) {
      return Require(id, Form::kPlain, Format::kFp32);
    }
    if (weights && i == 0) {
      const bool half = infos_[node.inputs[1]].type == ElementType::kBfloat16;
      return Require(id, choice.form, half ? Format::kDfp16 : Format::kFp32,
                     roles_.values[id].halo);
    }
    if (choice.kind == StepKind::kSoftmax) return Require(id, choice.form, Format::kFp32);
    // Either format will do: take the value as it is made.
    const Format format = forms_[id].empty() || forms_[id].front().form == Form::kPlain
                              ? Format::kFp32
                              : forms_[id].front().layout.format;
    return Require(id, choice.form, format);
  }

  // The same bytes under another shape and, where the elements lie in the order that it has,
  // another form.
  void EmitReshape(const Node& node, Form form) {
    const ValueId from = node.inputs[0], to = node.outputs[0];
    if (form == Form::kPlain) {
      Operand plain = Require(from, Form::kPlain, Format::kFp32);
      plain.form = Form::kPlain;
      plain.type = infos_[to].type;
      plain.shape = infos_[to].shape;
      forms_[to].push_back(plain);
      return;
    }
    const Form have = roles_.values[from].form;
    Operand source = Require(from, have, forms_[from].front().layout.format);
    const Layout& l = source.layout;
    const bool bare = l.halo_top + l.halo_bottom + l.halo_left + l.halo_right == 0;
    const bool dense = source.form == Form::kPlain || (bare && l.pixel_stride == l.channels);
    // The caller's memory ends where it ends, and image kernels may read a little further.
    const bool no_slack = source.buffer < 0 && form == Form::kImage;
    if (!dense || no_slack) {
      const Form copied = have == Form::kPlain ? Form::kRows : have;
      source = Converted(from, source, ShapedOperand(from, copied, l.format, {}));
    }
    const Operand wanted = ShapedOperand(to, form, source.layout.format, {});
    forms_[to].push_back(Reinterpreted(WithForm(source, Form::kPlain), wanted));
  }

  static Operand WithForm(Operand operand, Form form) {
    operand.form = form;
    return operand;
  }

  void EmitConcat(const Node& node, Form form) {
    const ValueId id = node.outputs[0];
    const Operand whole = Whole(id);
    int64_t first_channel = 0;
    for (ValueId part : node.inputs) {
      const Operand slice = Slice(whole, part, first_channel);
      first_channel += slice.layout.channels;
      if (roles_.values[part].concat == id &&
          roles_.values[part].concat_offset + slice.layout.channels == first_channel) {
        continue;  // its producer wrote it there
      }
      Node convert;
      convert.name = node.name;
      convert.op = "Concat";
      const Operand source = Require(part, form, forms_[part].front().layout.format);
      AddSpec({StepKind::kConvert, convert, {source}, {slice}, {}}, samples_[id]);
    }
  }

  void EmitOutputs() {
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const ValueId id = graph_.outputs()[i];
      Operand to = PlainOperand(id);
      to.base = OutputBase(i);
      const Operand from = [&] {
        for (const Operand& have : forms_[id]) {
          if (have.base == to.base && have.buffer < 0 && !have.constant.defined()) return have;
        }
        return Operand{};
      }();
      if (from.exists()) continue;  // written in place
      Node node;
      node.name = graph_.value(id).name;
      node.op = "Convert";
      const Operand source =
          forms_[id].empty() ? Require(id, Form::kPlain, Format::kFp32) : forms_[id].front();
      AddSpec({StepKind::kConvert, node, {source}, {to}, {}}, samples_[id]);
    }
  }

  void AddSpec(StepSpec spec, bool by_sample) {
    specs_.push_back(std::move(spec));
    by_sample_.push_back(by_sample);
  }

  Result<Plan> Finish(const std::vector<ValueInfo>& inputs) {
    MarkLifetimes(specs_, buffers_);
    Plan plan;
    plan.batch = batch_;
    plan.sections = {{0, static_cast<int>(specs_.size()), batch_}};
    if (!whole_) {
      plan.sections = CutBatch(by_sample_, batch_, backend_.traffic_costs(), specs_, buffers_);
    }
    plan.arena_bytes = PlanMemory(buffers_);
    plan.inputs = inputs;
    for (ValueId id : graph_.outputs())
      plan.outputs.push_back({infos_[id].type, infos_[id].shape, {}});
    for (StepSpec& spec : specs_) {
      for (auto* operands : {&spec.inputs, &spec.outputs}) {
        for (Operand& operand : *operands) {
          if (operand.buffer >= 0) operand.offset += buffers_[operand.buffer].offset;
        }
      }
      auto step = backend_.Prepare(spec);
      if (!step.ok()) return step.status().WithNode(spec.node.name);
      plan.steps.push_back({spec.node.name, spec.node.op, spec.inputs, std::move(step).value()});
    }
    return plan;
  }

  const Graph& graph_;
  const std::vector<ValueInfo> infos_;
  const Backend& backend_;
  const int64_t batch_;
  const bool whole_;
  const Roles roles_;
  std::vector<std::vector<Operand>> forms_;  // by ValueId: the forms that exist so far
  std::vector<Buffer> buffers_;
  std::vector<StepSpec> specs_;
  const std::vector<bool> samples_;  // by ValueId: FindSamples
  std::vector<bool> by_sample_;      // by spec: it keeps samples apart
};

}  // namespace

bool Plan::in_parts() const {
  return std::any_of(sections.begin(), sections.end(),
                     [&](const Section& section) { return section.samples < batch; });
}

Result<Plan> MakePlan(const Graph& graph, const std::vector<ValueInfo>& inputs,
                      const Backend& backend, bool whole) {
  if (inputs.size() != graph.inputs().size()) {
    return Error("the network has {} inputs, {} were given", graph.inputs().size(), inputs.size());
  }
  DEFTNN_ASSIGN_OR_RETURN(std::vector<ValueInfo> infos, InferShapes(graph, inputs));
  return Planner(graph, std::move(infos), backend, whole).Make(inputs);
}

}  // namespace deftnn
