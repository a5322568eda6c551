#include "deftnn/model.h"

#include "deftnn/api/guard.h"
#include "deftnn/api/model_impl.h"

namespace deftnn::v1 {
namespace {

std::vector<TensorInfo> Declared(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : ids) {
    const Value& value = graph.value(id);
    infos.push_back({value.name, static_cast<ElementType>(value.type), value.shape.has_value(),
                     value.shape.value_or(Shape{})});
  }
  return infos;
}

}  // namespace

Expected<Model> Model::Open(const std::string& path) {
  return api::Guarded([&]() -> Expected<Model> {
    auto loaded = LoadModel(path);
    if (!loaded.ok()) return api::ToError(loaded.status());
    auto impl = std::make_shared<Impl>();
    impl->loaded = std::move(loaded).value();
    const Graph& graph = impl->loaded.graph;
    impl->inputs = Declared(graph, graph.inputs());
    impl->outputs = Declared(graph, graph.outputs());
    return Model(std::move(impl));
  });
}

const std::string& Model::path() const { return impl_->loaded.path; }
bool Model::is_package() const { return impl_->loaded.is_package; }
const std::vector<TensorInfo>& Model::inputs() const { return impl_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const { return impl_->outputs; }

}  // namespace deftnn::v1
