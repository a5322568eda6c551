// The files beside a model that hold its large initializers.
#pragma once

#include <map>
#include <string>

#include "deftnn/base/file.h"
#include "deftnn/base/tensor.h"

namespace deftnn {

/// Opens each file once and maps it; the tensors keep the mapping alive.
class ExternalData {
 public:
  /// `folder` is the model's own; nothing outside it is opened. Empty: every read is refused.
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}

  /// Where a tensor lies: TensorProto.external_data as written.
  struct Place {
    std::string location;  // relative to the folder
    std::string offset;    // decimal bytes; empty means 0
    std::string length;    // decimal bytes; empty means what the shape needs
  };

  /// A tensor over the mapped bytes (copied only where its offset is not aligned for its type).
  /// The shape has passed CheckShape. Errors: a location outside the folder, a missing file, bytes
  /// outside the file, a length that is not what the shape needs.
  Result<Tensor> Read(const Place& place, ElementType type, const Shape& shape);

 private:
  Result<MappedFile> Open(const std::string& location);

  std::string folder_;
  std::map<std::string, MappedFile> files_;
};

}  // namespace deftnn
