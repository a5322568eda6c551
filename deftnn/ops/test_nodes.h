// Short ways to run one operator in a test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "deftnn/base/rng.h"
#include "deftnn/ops/op.h"

namespace deftnn::test {

inline Tensor Floats(Shape shape, const std::vector<float>& values) {
  return Tensor::Of<float>(std::move(shape), values);
}
inline Tensor Int64s(Shape shape, const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>(std::move(shape), values);
}
inline Tensor Normal(Rng& rng, Shape shape) {
  Tensor tensor = Tensor::Zeros(ElementType::kFloat32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(rng.Normal());
  return tensor;
}

/// A node named "node"; inputs that are undefined tensors are absent.
inline Node MakeNode(std::string op, size_t inputs, Attributes attributes, size_t outputs = 1) {
  Node node{"node", "", std::move(op), {}, {}, std::move(attributes)};
  for (size_t i = 0; i < inputs; ++i) node.inputs.push_back(static_cast<ValueId>(i));
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(static_cast<ValueId>(inputs + i));
  return node;
}

inline Result<std::vector<Tensor>> RunAll(const std::string& op, const std::vector<Tensor>& inputs,
                                          Attributes attributes = {}, size_t outputs = 1) {
  Node node = MakeNode(op, inputs.size(), std::move(attributes), outputs);
  std::vector<const Tensor*> pointers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    pointers.push_back(inputs[i].defined() ? &inputs[i] : nullptr);
    if (!inputs[i].defined()) node.inputs[i] = kNoValue;
  }
  return EvaluateNode(node, pointers);
}

/// The first output; a failure is reported and gives an undefined tensor.
inline Tensor RunOp(const std::string& op, const std::vector<Tensor>& inputs,
                    Attributes attributes = {}) {
  auto outputs = RunAll(op, inputs, std::move(attributes));
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.status().ToString();
    return {};
  }
  return (*outputs)[0];
}

/// The error's reason, "" when there is none.
inline std::string Refusal(const std::string& op, const std::vector<Tensor>& inputs,
                           Attributes attributes = {}, size_t outputs = 1) {
  const auto result = RunAll(op, inputs, std::move(attributes), outputs);
  return result.ok() ? "" : result.status().reason();
}

inline void ExpectFloats(const Tensor& tensor, const Shape& shape, const std::vector<float>& values,
                         float tolerance = 1e-6f) {
  ASSERT_TRUE(tensor.defined());
  EXPECT_EQ(tensor.shape(), shape);
  ASSERT_EQ(tensor.size(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(tensor.values<float>()[i], values[i], tolerance) << "at " << i;
  }
}

using Ints = std::vector<int64_t>;

}  // namespace deftnn::test
