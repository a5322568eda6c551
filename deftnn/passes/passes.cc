#include "deftnn/passes/passes.h"

#include <cstdlib>

#include "deftnn/base/log.h"
#include "deftnn/graph/verify.h"

namespace deftnn {

#define DEFTNN_PASS(name) extern const Pass k##name##Pass;
#include "deftnn/passes/passes.inc"
#undef DEFTNN_PASS

namespace {

const Pass* const kPasses[] = {
#define DEFTNN_PASS(name) &k##name##Pass,
#include "deftnn/passes/passes.inc"
#undef DEFTNN_PASS
};

// More patches for each node than any chain of passes has a use for: a pass that never ends is
// caught here.
constexpr int64_t kPatchesPerNode = 100;

int64_t StopAt(const PassOptions& options) {
  if (options.stop_at_patch >= 0) return options.stop_at_patch;
  const char* text = std::getenv("DEFTNN_STOP_AT_PATCH");
  if (text == nullptr) return -1;
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  return end != text && *end == '\0' ? value : -1;
}

class Driver {
 public:
  Driver(Graph graph, const PassOptions& options)
      : graph_(std::move(graph)),
        stop_at_(StopAt(options)),
        limit_(kPatchesPerNode * (static_cast<int64_t>(graph_.nodes().size()) + 1)) {}

  bool stopped() const { return stop_at_ >= 0 && applied_ >= stop_at_; }
  Graph Take() && { return std::move(graph_); }

  /// The number of patches that the pass made.
  Result<int64_t> RunToItsEnd(const Pass& pass) {
    int64_t patches = 0;
    while (!stopped()) {
      PassContext context(graph_);
      DEFTNN_ASSIGN_OR_RETURN(const std::optional<Patch> patch, pass.next(graph_, context));
      if (!patch) break;
      const auto failed = [&](const Status& status) {
        return Error("pass {}, patch {}: {}", pass.name, applied_, status.reason())
            .WithNode(status.node());
      };
      auto patched = patch->Apply(graph_);
      if (!patched.ok()) return failed(patched.status());
      if (const Status status = Verify(*patched); !status.ok()) return failed(status);
      graph_ = std::move(*patched);
      ++patches;
      if (++applied_ > limit_) return Error("pass {} does not come to an end", pass.name);
    }
    return patches;
  }

 private:
  Graph graph_;
  int64_t stop_at_, limit_;
  int64_t applied_ = 0;
};

}  // namespace

std::span<const Pass* const> AllPasses() { return kPasses; }

const Pass* FindPass(std::string_view name) {
  for (const Pass* pass : kPasses) {
    if (pass->name == name) return pass;
  }
  return nullptr;
}

Result<Graph> RunPasses(Graph graph, std::span<const Pass* const> passes,
                        const PassOptions& options, std::vector<PassCount>* counts) {
  DEFTNN_RETURN_IF_ERROR(Verify(graph));
  std::vector<PassCount> done;
  for (const Pass* pass : passes) done.push_back({pass->name, 0});
  Driver driver(std::move(graph), options);
  for (bool changed = true; changed && !driver.stopped();) {
    changed = false;
    for (size_t i = 0; i < passes.size(); ++i) {
      DEFTNN_ASSIGN_OR_RETURN(const int64_t patches, driver.RunToItsEnd(*passes[i]));
      done[i].patches += patches;
      changed = changed || patches > 0;
    }
  }
  for (const PassCount& count : done) {
    if (count.patches > 0) spdlog::debug("pass {}: {} patches", count.name, count.patches);
  }
  if (counts != nullptr) *counts = std::move(done);
  return std::move(driver).Take();
}

Result<Graph> Canonicalise(Graph graph, const PassOptions& options,
                           std::vector<PassCount>* counts) {
  return RunPasses(std::move(graph), AllPasses(), options, counts);
}

}  // namespace deftnn
