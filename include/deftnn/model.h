// A network read from a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deftnn/expected.h"
#include "deftnn/tensor.h"

namespace deftnn::v1 {

/// A handle: copies share the network, which never changes. Safe from several threads at once.
class Model {
 public:
  /// Reads an .onnx (checked, shapes inferred, simplified) or maps a .deft; which one it is, is
  /// told by its first bytes. The file must not be changed while the model or a session of it
  /// lives. Errors: a file that cannot be read, is cut off or damaged, or that has an operator or
  /// attribute that is not supported; the message names the file and the node.
  static Expected<Model> Open(const std::string& path);

  Model(const Model&) = default;
  Model& operator=(const Model&) = default;

  const std::string& path() const;
  /// True for a .deft: its weights keep the formats that they were written in.
  bool is_package() const;
  /// In the order in which Session::Run takes and gives them. Weights are not listed.
  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

 private:
  friend class Session;
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<const Impl> impl_;
};

}  // namespace deftnn::v1
