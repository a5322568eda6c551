// A network from a file, canonical and ready to plan: .onnx is imported, .deft is mapped.
#pragma once

#include <memory>
#include <string>

#include "deftnn/graph/graph.h"
#include "deftnn/ndf/formats/format.h"
#include "deftnn/runtime/session.h"

namespace deftnn {

struct LoadedModel {
  std::string path;
  Graph graph;                                  // canonical; its constants keep the file mapped
  std::shared_ptr<const PackedWeights> packed;  // of a .deft; null otherwise
  std::string metadata_json = "{}";             // of a .deft
  bool is_package = false;
};

/// Told apart by their first bytes, not by their names. Errors carry the path.
Result<LoadedModel> LoadModel(const std::string& path);

/// The same; an .onnx has its weights rounded to `format`, a .deft keeps the formats it was written
/// with.
Result<LoadedModel> LoadModel(const std::string& path, Format format);

/// A session over a loaded model.
Result<std::unique_ptr<Session>> OpenSession(const LoadedModel& model, int threads);

/// "fp32" or "dfp16".
Result<Format> ParseFormat(const std::string& name);

}  // namespace deftnn
