#include "deftnn/session.h"

#include <cstring>

#include "deftnn/api/guard.h"
#include "deftnn/api/model_impl.h"
#include "deftnn/ndf/apply_format.h"
#include "deftnn/runtime/session.h"

namespace deftnn::v1 {

struct Session::Impl {
  Model model;
  std::unique_ptr<deftnn::Session> session;
};

namespace {

// A copy: kernels may read a vector's width past the last element of a tensor of ours.
Result<deftnn::Tensor> CopyIn(const TensorView& view, const std::string& name) {
  const auto type = static_cast<deftnn::ElementType>(view.type);
  const int bits = BitsOf(type);
  if (bits == 0) return deftnn::Error("input '{}' has a type that cannot be passed", name);
  const Status shape = CheckShape(type, view.shape);
  if (!shape.ok()) return deftnn::Error("input '{}': {}", name, shape.reason());
  // Compared before anything of that size is allocated.
  const auto bytes = static_cast<size_t>((ElementCount(view.shape) * bits + 7) / 8);
  if (bytes != view.bytes.size()) {
    return deftnn::Error("input '{}' of shape {} takes {} bytes, {} were given", name,
                         ToString(view.shape), bytes, view.bytes.size());
  }
  deftnn::Tensor tensor = deftnn::Tensor::Zeros(type, view.shape);
  if (bytes > 0) std::memcpy(tensor.mutable_data(), view.bytes.data(), bytes);
  return tensor;
}

Tensor HandOut(deftnn::Tensor tensor) {
  const auto holder = std::make_shared<const deftnn::Tensor>(std::move(tensor));
  return {static_cast<ElementType>(holder->type()), holder->shape(), holder->bytes(),
          std::shared_ptr<const void>(holder, holder->data())};
}

Result<std::unique_ptr<deftnn::Session>> Open(const LoadedModel& loaded,
                                              const SessionOptions& options) {
  DEFTNN_RETURN_IF_ERROR(api::CheckThreads(options.threads).WithFile(loaded.path));
  if (loaded.is_package) return OpenSession(loaded, options.threads);
  const auto format =
      options.format == Format::kDfp16 ? deftnn::Format::kDfp16 : deftnn::Format::kFp32;
  LoadedModel formatted = loaded;
  DEFTNN_ASSIGN_OR_RETURN(formatted.graph, ApplyFormat(loaded.graph, format));
  return OpenSession(formatted, options.threads);
}

}  // namespace

Expected<Session> Session::Create(const Model& model, const SessionOptions& options) {
  return api::Guarded([&]() -> Expected<Session> {
    auto session = Open(model.impl_->loaded, options);
    if (!session.ok()) return api::ToError(session.status());
    return Session(std::make_shared<Impl>(Impl{model, std::move(session).value()}));
  });
}

Expected<std::vector<Tensor>> Session::Run(std::span<const TensorView> inputs) const {
  return api::Guarded([&]() -> Expected<std::vector<Tensor>> {
    const std::vector<TensorInfo>& declared = impl_->model.inputs();
    const std::string& path = impl_->model.path();
    std::vector<deftnn::Tensor> copies;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = i < declared.size() ? declared[i].name : std::to_string(i);
      auto copy = CopyIn(inputs[i], name);
      if (!copy.ok()) return api::ToError(copy.status().WithFile(path));
      copies.push_back(std::move(copy).value());
    }
    auto results = impl_->session->Run(copies);
    if (!results.ok()) return api::ToError(results.status().WithFile(path));
    std::vector<Tensor> outputs;
    for (deftnn::Tensor& result : *results) outputs.push_back(HandOut(std::move(result)));
    return outputs;
  });
}

int Session::threads() const { return impl_->session->threads(); }

}  // namespace deftnn::v1
