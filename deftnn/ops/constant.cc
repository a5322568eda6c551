// Constant: a value in the node's attributes. The importer makes an initializer of it.
#include "deftnn/ops/constant.h"

#include <cstring>

#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

Status Infer(InferContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const Tensor value, ConstantOf(context.node().attributes));
  context.SetOutput(0, value.type(), value.shape());
  return {};
}

Status Evaluate(EvaluateContext& context) {
  DEFTNN_ASSIGN_OR_RETURN(const Tensor value, ConstantOf(context.node().attributes));
  if (value.bytes() > 0) {
    std::memcpy(context.output(0).mutable_data(), value.data(), value.bytes());
  }
  return {};
}

}  // namespace

Result<Tensor> ConstantOf(const Attributes& attributes) {
  std::vector<Tensor> found;
  for (const auto& [name, attribute] : attributes) {
    if (name.rfind("value", 0) != 0) continue;
    if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
      found.push_back(*tensor);
    } else if (const auto* real = std::get_if<float>(&attribute)) {
      found.push_back(Tensor::Scalar(*real));
    } else if (const auto* whole = std::get_if<int64_t>(&attribute)) {
      found.push_back(Tensor::Scalar(*whole));
    } else if (const auto* text = std::get_if<std::string>(&attribute)) {
      found.push_back(Tensor::Strings({}, {*text}));
    } else if (const auto* reals = std::get_if<std::vector<float>>(&attribute)) {
      found.push_back(Tensor::Of<float>({static_cast<int64_t>(reals->size())}, *reals));
    } else if (const auto* wholes = std::get_if<std::vector<int64_t>>(&attribute)) {
      found.push_back(Tensor::Of<int64_t>({static_cast<int64_t>(wholes->size())}, *wholes));
    } else if (const auto* texts = std::get_if<std::vector<std::string>>(&attribute)) {
      found.push_back(Tensor::Strings({static_cast<int64_t>(texts->size())}, *texts));
    }
  }
  if (found.size() != 1) return Error("Constant needs exactly one value, has {}", found.size());
  return found.front();
}

extern const OpDef kConstantOp;
constinit const OpDef kConstantOp = {
    .name = "Constant", .min_inputs = 0, .max_inputs = 0, .infer = &Infer, .evaluate = &Evaluate};

}  // namespace deftnn
