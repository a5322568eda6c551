#include "deftnn/runtime/samples.h"

#include <gtest/gtest.h>

#include "deftnn/runtime/test_networks.h"

namespace deftnn {
namespace {

constexpr int64_t kBatch = 4;
const Shape kShape = {kBatch, 3, 5, 7};

struct Case {
  std::string op;
  std::vector<Tensor> constants;  // inputs after the activation
  Attributes attributes;
  bool apart;
};

Tensor Ints(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

bool KeepsApart(const Case& given) {
  Rng rng(1);
  Builder b(rng);
  std::vector<ValueId> inputs = {b.Input(kShape)};
  for (const Tensor& constant : given.constants) {
    inputs.push_back(b.graph.AddConstant("c", constant));
  }
  const ValueId y = b.AddOp(given.op, inputs, given.attributes);
  b.graph.AddOutput(y);
  const auto infos = InferShapes(b.graph, {{ElementType::kFloat32, kShape, {}}});
  EXPECT_TRUE(infos.ok()) << infos.status().ToString();
  return infos.ok() && FindSamples(b.graph, *infos, kBatch)[y];
}

// An operator that is said to keep samples apart gives, for each sample alone, what it gives for
// the batch.
TEST(Samples, OperatorsAlongAxisZeroMixThem) {
  Rng rng(2);
  const Tensor full = RandomTensor(kShape, rng), row = RandomTensor({7}, rng),
               one = RandomTensor({1, 3, 1, 1}, rng), matrix = RandomTensor({7, 2}, rng);
  const std::vector<int64_t> stays{0, 3, 2, 1}, moves{1, 0, 2, 3};
  const int64_t zero = 0, two = 2, back = -4;
  const std::vector<Case> cases = {
      {"Tanh", {}, {}, true},
      {"Add", {row}, {}, true},
      {"Add", {one}, {}, true},
      {"Add", {full}, {}, false},  // another constant for each sample
      {"MatMul", {matrix}, {}, true},
      {"Softmax", {}, {}, true},
      {"Softmax", {}, {{"axis", two}}, true},
      {"Softmax", {}, {{"axis", zero}}, false},
      {"LogSoftmax", {}, {{"axis", back}}, false},
      {"Transpose", {}, {{"perm", stays}}, true},
      {"Transpose", {}, {{"perm", moves}}, false},
      {"Transpose", {}, {}, false},
      {"Reshape", {Ints({kBatch, -1})}, {}, true},
      {"Reshape", {Ints({kBatch * 3, 35})}, {}, true},  // three rows a sample
      {"Reshape", {Ints({3, -1})}, {}, false},
      {"Reshape", {Ints({-1})}, {}, false},
      {"Flatten", {}, {}, true},
      {"Flatten", {}, {{"axis", zero}}, false},
      {"Unsqueeze", {Ints({0})}, {}, false},
      {"Unsqueeze", {Ints({1})}, {}, true},
      {"Gather", {Ints({1, 1})}, {{"axis", two}}, true},
      {"Gather", {Ints({3, 2, 1, 0})}, {{"axis", zero}}, false},
      {"Slice", {Ints({-1}), Ints({-9}), Ints({2}), Ints({-1})}, {}, true},
      {"Slice", {Ints({-1}), Ints({-9}), Ints({0}), Ints({-1})}, {}, false},
      {"Pad", {Ints({0, 1, 0, 0, 0, 0, 2, 0})}, {}, true},
      {"Pad", {Ints({2, 0, 0, 0, 2, 0, 0, 0})}, {}, false},
      {"ReduceSum", {Ints({1, -1})}, {}, true},
      {"ReduceSum", {Ints({-4})}, {}, false},
      {"ReduceMean", {}, {}, false},
      {"ArgMax", {}, {{"axis", two}}, true},
      {"ArgMax", {}, {}, false},
      {"GlobalAveragePool", {}, {}, true},
      {"Shape", {}, {}, false},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.op);
    EXPECT_EQ(KeepsApart(given), given.apart);
  }
}

TEST(Samples, ConcatenationsOfBatchesMixThem) {
  for (const int64_t axis : {0, 1, 3, -4}) {
    SCOPED_TRACE(axis);
    Rng rng(3);
    Builder b(rng);
    const ValueId x = b.Input(kShape);
    const ValueId y = b.AddOp("Concat", {x, b.AddOp("Tanh", {x})}, {{"axis", axis}});
    const ValueId z = b.AddOp("Tanh", {y});
    b.graph.AddOutput(z);
    const auto infos = InferShapes(b.graph, {{ElementType::kFloat32, kShape, {}}});
    ASSERT_TRUE(infos.ok());
    const auto samples = FindSamples(b.graph, *infos, kBatch);
    EXPECT_EQ(samples[y], axis == 1 || axis == 3);
    EXPECT_EQ(samples[z], samples[y]) << "what reads mixed samples has none";
  }
}

// A vector's only axis is that of its channels.
TEST(Samples, VectorsHaveNone) {
  Rng rng(4);
  Builder b(rng);
  const ValueId x = b.Input({kBatch});
  const ValueId y = b.AddOp("Tanh", {x});
  b.graph.AddOutput(y);
  const auto infos = InferShapes(b.graph, {{ElementType::kFloat32, {kBatch}, {}}});
  ASSERT_TRUE(infos.ok());
  EXPECT_FALSE(FindSamples(b.graph, *infos, kBatch)[y]);
}

}  // namespace
}  // namespace deftnn
