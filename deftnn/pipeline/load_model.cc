#include "deftnn/pipeline/load_model.h"

#include "deftnn/base/file.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/onnx/import.h"
#include "deftnn/package/package.h"
#include "deftnn/passes/passes.h"

namespace deftnn {
namespace {

Result<LoadedModel> FromPackage(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(Package package, OpenPackage(path));
  LoadedModel model;
  auto packed = std::make_shared<PackedWeights>();
  for (const auto& [key, bytes] : package.packed) {
    (*packed)[key] = Tensor::Borrow(ElementType::kUint8, {static_cast<int64_t>(bytes.size())},
                                    bytes.data(), package.owner);
  }
  model.graph = std::move(package.graph);
  model.packed = std::move(packed);
  model.metadata_json = std::move(package.metadata_json);
  model.is_package = true;
  return model;
}

}  // namespace

Result<LoadedModel> LoadModel(const std::string& path) {
  DEFTNN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  LoadedModel model;
  if (IsPackage(file.bytes())) {
    DEFTNN_ASSIGN_OR_RETURN(model, FromPackage(path));
  } else {
    DEFTNN_ASSIGN_OR_RETURN(Graph imported, ImportOnnx(path));
    auto canonical = Canonicalise(std::move(imported));
    if (!canonical.ok()) return canonical.status().WithFile(path);
    model.graph = std::move(canonical).value();
  }
  model.path = path;
  return model;
}

Result<LoadedModel> LoadModel(const std::string& path, Format format) {
  DEFTNN_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(path));
  if (!model.is_package) {
    DEFTNN_ASSIGN_OR_RETURN(model.graph, ApplyFormat(model.graph, format));
  }
  return model;
}

Result<std::unique_ptr<Session>> OpenSession(const LoadedModel& model, int threads) {
  SessionOptions options;
  options.threads = threads;
  options.packed = model.packed;
  auto session = Session::Create(model.graph, options);
  if (!session.ok()) return session.status().WithFile(model.path);
  return session;
}

Result<Format> ParseFormat(const std::string& name) {
  for (const Format format : {Format::kFp32, Format::kDfp16}) {
    if (NameOf(format) == name) return format;
  }
  return Error("unknown format '{}'", name).WithHint("fp32 or dfp16");
}

}  // namespace deftnn
