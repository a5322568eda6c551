// usage: consumer MODEL     runs MODEL from four threads at once; 0 when all results are the same
// finite numbers and wrong input is refused.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "deftnn/deftnn.h"

namespace {

constexpr int kCallers = 4;
constexpr int kRunsEach = 8;

int Fail(const std::string& why) {
  std::fprintf(stderr, "consumer: %s\n", why.c_str());
  return 1;
}

bool SameBytes(const deftnn::Tensor& a, const deftnn::Tensor& b) {
  return a.shape() == b.shape() && a.bytes().size() == b.bytes().size() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

// Outputs of kRunsEach runs, the last failure as text.
struct Caller {
  std::vector<deftnn::Tensor> outputs;
  std::string error;

  void Work(const deftnn::Session& session, const deftnn::TensorView& input) {
    for (int i = 0; i < kRunsEach; ++i) {
      auto result = session.Run({input});
      if (!result) {
        error = result.error();
        return;
      }
      outputs.push_back(result->at(0));
    }
  }
};

int CheckFormat(const deftnn::Model& model, deftnn::Format format) {
  const auto session = deftnn::Session::Create(model, {.threads = 2, .format = format});
  if (!session) return Fail(session.error());

  deftnn::Shape shape = model.inputs().at(0).shape;
  std::size_t count = 1;
  for (auto& dimension : shape) {
    if (dimension < 0) dimension = 2;
    count *= static_cast<std::size_t>(dimension);
  }
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  const auto input = deftnn::TensorView::Of(values, shape);

  std::vector<Caller> callers(kCallers);
  std::vector<std::thread> threads;
  for (Caller& caller : callers) threads.emplace_back([&] { caller.Work(*session, input); });
  for (std::thread& thread : threads) thread.join();

  for (const Caller& caller : callers) {
    if (!caller.error.empty()) return Fail(caller.error);
    for (const deftnn::Tensor& output : caller.outputs) {
      if (!SameBytes(output, callers[0].outputs[0])) return Fail("the results differ");
    }
  }
  const auto output = callers[0].outputs[0].values<float>();
  if (output.empty()) return Fail("no float output");
  for (const float value : output) {
    if (!std::isfinite(value)) return Fail("a result is not finite");
  }

  shape.back() += 1;
  if (session->Run({deftnn::TensorView::Of(values, shape)})) {
    return Fail("a wrong shape was taken");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return Fail("usage: consumer MODEL");
  const auto model = deftnn::Model::Open(argv[1]);
  if (!model) return Fail(model.error());
  if (deftnn::Model::Open(std::string(argv[1]) + ".absent")) return Fail("opened a file of air");
  if (CheckFormat(*model, deftnn::Format::kFp32) != 0) return 1;
  if (CheckFormat(*model, deftnn::Format::kDfp16) != 0) return 1;

  deftnn::OptimizeOptions options;
  options.model = argv[1];
  options.output = "out.deft";
  options.calibration = std::string(argv[1]) + ".absent";
  if (deftnn::Optimize(options)) return Fail("optimised without data");
  std::printf("consumer: %d threads, the same finite results\n", kCallers);
  return 0;
}
