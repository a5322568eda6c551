// ReduceSum and ReduceMean of float32 over axes that lie side by side.
#include "deftnn/kernels/reduce/reduce.h"

#include "deftnn/ops/reduce.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

class ReduceStep : public Step {
 public:
  ReduceStep(const StepSpec& spec, const SumArgs& args, Isa isa)
      : x_(spec.inputs[0]), y_(spec.outputs[0]), args_(args), kernel_(SelectReduce(isa)) {}

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    SumArgs args = args_;
    args.x = reinterpret_cast<const float*>(addresses.of(x_));
    args.y = reinterpret_cast<float*>(addresses.of(y_));
    RunSum(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/reduce", NameOf(kernel_.isa)); }
  StepCost cost() const override { return {0, 0, static_cast<double>(x_.bytes() + y_.bytes())}; }

 private:
  const Operand x_, y_;
  const SumArgs args_;
  const ReduceKernel& kernel_;
};

// The extents before, of and after the reduced axes; nothing where others lie between them.
std::optional<SumArgs> Extents(const ReduceAxes& axes, const Shape& shape) {
  SumArgs args;
  args.outer = args.count = args.inner = 1;
  bool begun = false, over = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (axes.reduced[i] && over) return {};
    if (axes.reduced[i]) begun = true;
    if (!axes.reduced[i] && begun) over = true;
    (axes.reduced[i] ? args.count : over ? args.inner : args.outer) *= shape[i];
  }
  return args;
}

}  // namespace

Result<std::unique_ptr<Step>> PrepareReduce(const StepSpec& spec,
                                            const CpuPrepareContext& context) {
  std::vector<int64_t> list;
  if (spec.node.has_input(1)) {
    const Tensor& constant = spec.inputs[1].constant;
    if (!constant.defined()) return PreparePlain(spec, context);
    DEFTNN_ASSIGN_OR_RETURN(list, ToInt64Vector(constant));
  }
  const Shape& shape = spec.inputs[0].shape;
  DEFTNN_ASSIGN_OR_RETURN(const ReduceAxes axes, ReduceAxes::Read(spec.node, list, shape.size()));
  auto args = Extents(axes, shape);
  if (!args || args->count == 0) return PreparePlain(spec, context);
  if (spec.node.op == "ReduceMean") args->divisor = static_cast<float>(args->count);
  return std::unique_ptr<Step>(std::make_unique<ReduceStep>(spec, *args, context.isa));
}

}  // namespace deftnn
