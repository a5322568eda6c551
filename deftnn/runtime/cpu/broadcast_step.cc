// Add, Sub, Mul, Div of row-major tensors whose shapes differ in more than a vector of channels.
#include "deftnn/kernels/eltwise/eltwise.h"
#include "deftnn/ops/broadcast.h"
#include "deftnn/runtime/cpu/halo.h"
#include "deftnn/runtime/cpu/steps.h"

namespace deftnn {
namespace {

// Shorter runs are left to the plain implementation, which has no call for each.
constexpr int64_t kShortestRun = 8;

class BroadcastStep : public Step {
 public:
  BroadcastStep(const StepSpec& spec, BinaryOp op, Isa isa)
      : op_(op),
        a_(spec.inputs[0]),
        b_(spec.inputs[1]),
        y_(spec.outputs[0]),
        kernel_(SelectEltwise(isa)) {
    BroadcastRuns runs(a_.shape, b_.shape, y_.shape);
    for (BroadcastRun run; runs.Next(run);) {
      a_rows_.push_back(run.a);
      b_rows_.push_back(run.b);
      columns_ = run.count;
      a_one_ = run.a_step == 0;
      b_one_ = run.b_step == 0;
    }
  }

  Status Launch(const Addresses& addresses, ThreadPool& threads) const override {
    BroadcastArgs args;
    args.op = op_;
    args.a = reinterpret_cast<const float*>(addresses.of(a_));
    args.b = reinterpret_cast<const float*>(addresses.of(b_));
    args.a_rows = a_rows_.data();
    args.b_rows = b_rows_.data();
    args.a_one = a_one_;
    args.b_one = b_one_;
    args.output = addresses.of(y_);
    args.format = y_.layout.format;
    args.rows = static_cast<int64_t>(a_rows_.size());
    args.columns = columns_;
    ClearHalo(y_, addresses);
    RunBroadcast(kernel_, args, threads);
    return {};
  }
  std::string kernel() const override { return fmt::format("{}/eltwise", NameOf(kernel_.isa)); }
  StepCost cost() const override {
    return {0, 0, static_cast<double>(a_.bytes() + b_.bytes() + y_.bytes())};
  }

 private:
  const BinaryOp op_;
  const Operand a_, b_, y_;
  std::vector<int64_t> a_rows_, b_rows_;
  int64_t columns_ = 0;
  bool a_one_ = false, b_one_ = false;
  const EltwiseKernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Step>> PrepareBroadcast(const StepSpec& spec,
                                               const CpuPrepareContext& context) {
  const Shape& y = spec.outputs[0].shape;
  BroadcastRun first;
  const bool any = BroadcastRuns(spec.inputs[0].shape, spec.inputs[1].shape, y).Next(first);
  if (!any || first.count < kShortestRun) return PreparePlain(spec, context);
  const std::string& name = spec.node.op;
  const BinaryOp op = name == "Add"   ? BinaryOp::kAdd
                      : name == "Sub" ? BinaryOp::kSub
                      : name == "Mul" ? BinaryOp::kMul
                                      : BinaryOp::kDiv;
  return std::unique_ptr<Step>(std::make_unique<BroadcastStep>(spec, op, context.isa));
}

}  // namespace deftnn
