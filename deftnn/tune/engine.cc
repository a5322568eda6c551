#include "deftnn/tune/engine.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "deftnn/analysis/blas.h"
#include "deftnn/tune/entry.h"

namespace deftnn {
namespace {

constexpr const char* kLibrary = "libdeftnn_tune.so";

// Where the library may lie, in the order of trying.
std::vector<std::string> Places() {
  std::vector<std::string> places;
  std::error_code code;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) {
    const std::filesystem::path folder = program.parent_path();
    for (const std::filesystem::path& path :
         {folder / kLibrary, folder.parent_path() / DEFTNN_LIBRARY_FOLDER / kLibrary}) {
      if (std::filesystem::exists(path, code)) places.push_back(path.string());
    }
  }
  places.emplace_back(kLibrary);
  return places;
}

// LibTorch's OpenMP threads would spin between its products while ours compute, and the other way
// round: they sleep instead.
void LetOpenMpSleep() { setenv("OMP_WAIT_POLICY", "passive", 0); }

Result<const TuneEngine*> Open() {
  PrepareBlas();
  LetOpenMpSleep();
  const std::vector<std::string> places = Places();
  // The first place is the best one; what the loader says about it tells what is wrong.
  void* library = dlopen(places.front().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Error("fine-tuning is not available: {}", reason != nullptr ? reason : kLibrary)
        .WithHint("a build with LibTorch (libtorch-dev) and -DDEFTNN_BUILD_TUNE=ON");
  }
  const auto entry = reinterpret_cast<const TuneEngine* (*)()>(dlsym(library, kTuneEngineEntry));
  const TuneEngine* engine = entry != nullptr ? entry() : nullptr;
  if (engine == nullptr || std::string(engine->version) != kTuneEngineVersion) {
    return Error("is of another build: '{}', not '{}'",
                 engine != nullptr ? engine->version : "no engine", kTuneEngineVersion)
        .WithFile(places.front());
  }
  return engine;
}

}  // namespace

Result<const TuneEngine*> OpenTuneEngine() {
  static const Result<const TuneEngine*> engine = Open();
  return engine;
}

}  // namespace deftnn
