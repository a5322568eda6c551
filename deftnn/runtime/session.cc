#include "deftnn/runtime/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "deftnn/ops/synapse_product.h"
#include "deftnn/runtime/cpu/cpu_backend.h"
#include "deftnn/runtime/cpu/decode.h"

namespace deftnn {
namespace {

// Plans for more sets of shapes than this are made anew when they come back.
constexpr size_t kMostPlans = 16;

using Clock = std::chrono::steady_clock;

bool SameShapes(const std::vector<ValueInfo>& a, const std::vector<ValueInfo>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ValueInfo& x, const ValueInfo& y) { return x.shape == y.shape; });
}

// Calls launch(step) for each step of each part of each section, until one fails.
template <typename Launch>
Status ForEachStep(const Plan& plan, Addresses& addresses, Launch launch) {
  for (const Section& section : plan.sections) {
    for (int64_t first = 0; first < plan.batch; first += section.samples) {
      addresses.first_sample = first;
      for (int s = section.begin; s < section.end; ++s) DEFTNN_RETURN_IF_ERROR(launch(s));
    }
  }
  return {};
}

}  // namespace

struct Session::Context {
  std::shared_ptr<std::byte> arena;
  Addresses addresses;
};

// Takes an idle context of a plan, or makes one, and gives it back at the end of the run.
class Session::Lease {
 public:
  Lease(Session& session, std::shared_ptr<Prepared> prepared)
      : session_(session), prepared_(std::move(prepared)) {
    {
      const std::lock_guard<std::mutex> lock(session_.mutex_);
      if (!prepared_->idle.empty()) {
        context_ = std::move(prepared_->idle.back());
        prepared_->idle.pop_back();
      }
    }
    if (context_ != nullptr) return;
    context_ = std::make_unique<Context>();
    const Plan& plan = *prepared_->plan;
    context_->arena = session_.backend_->Allocate(plan.arena_bytes);
    context_->addresses.bases.assign(1 + plan.inputs.size() + plan.outputs.size(), nullptr);
    context_->addresses.bases[0] = context_->arena.get();
  }
  ~Lease() {
    const std::lock_guard<std::mutex> lock(session_.mutex_);
    prepared_->idle.push_back(std::move(context_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const Plan& plan() const { return *prepared_->plan; }
  Addresses& addresses() { return context_->addresses; }

 private:
  Session& session_;
  std::shared_ptr<Prepared> prepared_;
  std::unique_ptr<Context> context_;
};

Session::Session(Graph graph, std::unique_ptr<Backend> backend, Isa isa, int threads)
    : graph_(std::move(graph)), backend_(std::move(backend)), isa_(isa), threads_(threads) {}

Result<std::unique_ptr<Session>> Session::Create(Graph graph, const SessionOptions& options) {
  Isa isa = Isa::kPortable;
  if (options.isa) {
    isa = *options.isa;
  } else {
    DEFTNN_ASSIGN_OR_RETURN(isa, SelectedIsa());
  }
  const int threads = options.threads > 0 ? options.threads : PhysicalThreads();
  return std::unique_ptr<Session>(new Session(
      std::move(graph), std::make_unique<CpuBackend>(isa, threads, options.packed, options.costs),
      isa, threads));
}

Result<std::unique_ptr<Session>> Session::Create(const Graph& graph, const FormatChoice& format,
                                                 const SessionOptions& options) {
  DEFTNN_ASSIGN_OR_RETURN(Graph formatted, ApplyFormat(graph, format));
  return Create(std::move(formatted), options);
}

Result<std::vector<ValueInfo>> Session::CheckInputs(const std::vector<Tensor>& inputs) const {
  if (inputs.size() != graph_.inputs().size()) {
    return Error("the network has {} inputs, {} were given", graph_.inputs().size(), inputs.size());
  }
  std::vector<ValueInfo> infos;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph_.value(graph_.inputs()[i]);
    if (value.type != ElementType::kUndefined && inputs[i].type() != value.type) {
      return Error("input '{}' is {}, {} was given", value.name, NameOf(value.type),
                   NameOf(inputs[i].type()));
    }
    if (value.shape) {
      const Shape &declared = *value.shape, &given = inputs[i].shape();
      bool fits = declared.size() == given.size();
      for (size_t a = 0; fits && a < given.size(); ++a) {
        fits = declared[a] == kDynamic || declared[a] == given[a];
      }
      if (!fits) {
        return Error("input '{}' has shape {}, {} was given", value.name, DeclaredShape(declared),
                     ToString(given));
      }
    }
    infos.push_back({inputs[i].type(), inputs[i].shape(), {}});
  }
  return infos;
}

Result<std::shared_ptr<Session::Prepared>> Session::Prepare(const std::vector<ValueInfo>& inputs,
                                                            bool whole) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = plans_.begin(); it != plans_.end(); ++it) {
    const Plan& plan = *(*it)->plan;
    const bool fits = whole ? !plan.in_parts() : !(*it)->whole || plan.batch == 1;
    if (!fits || !SameShapes(plan.inputs, inputs)) continue;
    plans_.splice(plans_.begin(), plans_, it);
    return plans_.front();
  }
  DEFTNN_ASSIGN_OR_RETURN(Plan plan, MakePlan(graph_, inputs, *backend_, whole));
  auto prepared = std::make_shared<Prepared>();
  prepared->whole = whole;
  prepared->plan = std::make_shared<const Plan>(std::move(plan));
  plans_.push_front(prepared);
  if (plans_.size() > kMostPlans) plans_.pop_back();
  return prepared;
}

Result<std::shared_ptr<const Plan>> Session::PlanFor(const std::vector<ValueInfo>& inputs) {
  DEFTNN_ASSIGN_OR_RETURN(const std::shared_ptr<Prepared> prepared, Prepare(inputs, false));
  return prepared->plan;
}

template <typename Body>
Result<std::vector<Tensor>> Session::RunWith(const std::vector<Tensor>& inputs, bool whole,
                                             Body body) {
  DEFTNN_ASSIGN_OR_RETURN(const std::vector<ValueInfo> infos, CheckInputs(inputs));
  DEFTNN_ASSIGN_OR_RETURN(std::shared_ptr<Prepared> prepared, Prepare(infos, whole));
  Lease lease(*this, std::move(prepared));
  Addresses& addresses = lease.addresses();
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    addresses.bases[1 + i] = const_cast<std::byte*>(inputs[i].data());
  }
  for (const ValueInfo& info : lease.plan().outputs) {
    outputs.push_back(Tensor::Zeros(info.type, info.shape));
    addresses.bases[1 + inputs.size() + outputs.size() - 1] = outputs.back().mutable_data();
  }
  bool finished = true;
  DEFTNN_RETURN_IF_ERROR(body(lease.plan(), addresses, finished));
  if (!finished) outputs.clear();
  return outputs;
}

Result<std::vector<Tensor>> Session::Run(const std::vector<Tensor>& inputs) {
  return RunWith(inputs, false, [&](const Plan& plan, Addresses& addresses, bool&) -> Status {
    return ForEachStep(plan, addresses,
                       [&](int s) { return plan.steps[s].step->Launch(addresses, threads_); });
  });
}

Result<std::vector<Tensor>> Session::Run(const std::vector<Tensor>& inputs, Observer& observer) {
  const auto body = [&](const Plan& plan, Addresses& addresses, bool& finished) -> Status {
    for (const PlannedStep& step : plan.steps) {
      if (!step.inputs.empty() && step.op != "Convert" && observer.Wants(step.node)) {
        constexpr size_t kResidual = SynapseProduct::kResidual;
        std::optional<Tensor> residual;
        if (step.inputs.size() > kResidual && step.inputs[kResidual].exists())
          residual = Decode(step.inputs[kResidual], addresses);
        finished = observer.OnInput(step.node, Decode(step.inputs[0], addresses),
                                    residual ? &*residual : nullptr);
        if (!finished) return {};
      }
      DEFTNN_RETURN_IF_ERROR(step.step->Launch(addresses, threads_));
    }
    return {};
  };
  return RunWith(inputs, true, body);
}

Result<std::vector<StepProfile>> Session::Profile(const std::vector<Tensor>& inputs,
                                                  int iterations) {
  std::vector<StepProfile> profiles;
  const auto body = [&](const Plan& plan, Addresses& addresses, bool&) -> Status {
    std::vector<std::vector<double>> times(plan.steps.size());  // of all parts of each run
    for (int i = 0; i < iterations; ++i) {
      for (std::vector<double>& runs : times) runs.push_back(0);
      const auto launch = [&](int s) {
        const auto begin = Clock::now();
        Status status = plan.steps[s].step->Launch(addresses, threads_);
        times[s].back() += std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
        return status;
      };
      DEFTNN_RETURN_IF_ERROR(ForEachStep(plan, addresses, launch));
    }
    for (const Section& section : plan.sections) {
      const double parts = static_cast<double>(plan.batch) / static_cast<double>(section.samples);
      for (int s = section.begin; s < section.end; ++s) {
        const PlannedStep& step = plan.steps[s];
        auto middle = times[s].begin() + static_cast<std::ptrdiff_t>(times[s].size() / 2);
        std::nth_element(times[s].begin(), middle, times[s].end());
        StepCost cost = step.step->cost();
        cost.flops *= parts;
        cost.tensor_bytes *= parts;
        profiles.push_back({step.node, step.op, step.step->kernel(), *middle, cost});
      }
    }
    return {};
  };
  auto outputs = RunWith(inputs, false, body);
  if (!outputs.ok()) return outputs.status();
  return profiles;
}

}  // namespace deftnn
