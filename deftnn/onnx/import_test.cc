#include "deftnn/onnx/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deftnn/onnx/model_builder_test.h"
#include "deftnn/ops/op.h"

namespace deftnn {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ImportOnnx, ReadsInputsOutputsNodesAndDynamicDimensions) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {-1, 3});
  model.Node("Relu", {"x"}, {"h"});
  model.Node("Relu", {"h"}, {"y"}, "last");
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  ASSERT_EQ(graph->inputs().size(), 1u);
  EXPECT_EQ(graph->value(graph->inputs()[0]).shape, (Shape{kDynamic, 3}));
  ASSERT_EQ(graph->nodes().size(), 2u);
  EXPECT_EQ(graph->node(0).name, "Relu_h");
  EXPECT_EQ(graph->node(1).name, "last");
  const auto out = EvaluateGraph(*graph, {Tensor::Of<float>({1, 3}, std::vector<float>{-1, 0, 2})});
  ASSERT_TRUE(out.ok()) << out.status().ToString();
  EXPECT_THAT((*out)[0].values<float>(), testing::ElementsAre(0, 0, 2));
}

TEST(ImportOnnx, NodesOutOfOrderAreSortedAndNamesMadeUnique) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  model.Node("Relu", {"h"}, {"y"}, "same");
  model.Node("Relu", {"x"}, {"h"}, "same");
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ(graph->value(graph->node(0).outputs[0]).name, "h");
  EXPECT_NE(graph->node(0).name, graph->node(1).name);
}

TEST(ImportOnnx, InitializersListedAsInputsAreNotInputs) {
  ModelBuilder model;
  model.model.set_ir_version(3);
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  model.Input("w", onnx::TensorProto::FLOAT, {2});
  model.Floats("w", {2}, {1, 2});
  model.Node("Relu", {"w"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ(graph->inputs().size(), 1u);
  EXPECT_NE(graph->Constant(graph->Find("w")), nullptr);
}

TEST(ImportOnnx, EveryFormOfConstantNodeBecomesAnInitializer) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  const auto constant = [&](const char* attribute, const char* output) {
    auto* proto = model.Node("Constant", {}, {output})->add_attribute();
    proto->set_name(attribute);
    return proto;
  };
  auto* tensor = constant("value", "tensor");
  tensor->set_type(onnx::AttributeProto::TENSOR);
  tensor->mutable_t()->set_data_type(onnx::TensorProto::INT64);
  tensor->mutable_t()->add_int64_data(7);
  auto* real = constant("value_float", "float");
  real->set_type(onnx::AttributeProto::FLOAT);
  real->set_f(1.5f);
  auto* reals = constant("value_floats", "floats");
  reals->set_type(onnx::AttributeProto::FLOATS);
  reals->add_floats(1);
  reals->add_floats(2);
  auto* whole = constant("value_int", "int");
  whole->set_type(onnx::AttributeProto::INT);
  whole->set_i(-3);
  auto* wholes = constant("value_ints", "ints");
  wholes->set_type(onnx::AttributeProto::INTS);
  auto* text = constant("value_string", "string");
  text->set_type(onnx::AttributeProto::STRING);
  text->set_s("abc");
  auto* texts = constant("value_strings", "strings");
  texts->set_type(onnx::AttributeProto::STRINGS);
  texts->add_strings("a");
  model.Node("Relu", {"x"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ(graph->nodes().size(), 1u);
  const auto value = [&](const char* name) { return *graph->Constant(graph->Find(name)); };
  EXPECT_EQ(value("tensor").shape(), Shape{});
  EXPECT_EQ(value("tensor").values<int64_t>()[0], 7);
  EXPECT_EQ(value("float").values<float>()[0], 1.5f);
  EXPECT_THAT(value("floats").values<float>(), testing::ElementsAre(1, 2));
  EXPECT_EQ(value("int").values<int64_t>()[0], -3);
  EXPECT_EQ(value("ints").shape(), Shape{0});
  EXPECT_EQ(value("string").strings()[0], "abc");
  EXPECT_EQ(value("strings").shape(), Shape{1});
}

TEST(ImportOnnx, HalfPrecisionIsWidened) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT16, {2});
  auto* half = model.Initializer("half", onnx::TensorProto::FLOAT16, {2});
  half->add_int32_data(0x3c00);
  half->add_int32_data(0xc000);
  auto* brain = model.Initializer("brain", onnx::TensorProto::BFLOAT16, {1});
  brain->set_raw_data(std::string("\x80\x3f", 2));
  model.Node("Relu", {"x"}, {"y"});
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_TRUE(graph.ok()) << graph.status().ToString();
  EXPECT_EQ(graph->value(graph->inputs()[0]).type, ElementType::kFloat32);
  EXPECT_THAT(graph->Constant(graph->Find("half"))->values<float>(), testing::ElementsAre(1, -2));
  EXPECT_THAT(graph->Constant(graph->Find("brain"))->values<float>(), testing::ElementsAre(1));
}

TEST(ImportOnnx, UnsupportedOperatorsAreListedTogether) {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  model.Node("Frobnicate", {"x"}, {"a"}, "first");
  model.Node("Frobnicate", {"a"}, {"b"}, "second");
  auto* branch = model.Node("If", {"b"}, {"c"}, "choice");
  model.Node("TreeEnsemble", {"c"}, {"y"}, "trees")->set_domain("ai.onnx.ml");
  auto* attribute = branch->add_attribute();
  attribute->set_name("then_branch");
  attribute->set_type(onnx::AttributeProto::GRAPH);
  auto* inner = attribute->mutable_g()->add_node();
  inner->set_op_type("Innermost");
  inner->set_name("deep");
  model.Output("y");
  const auto graph = model.Import();
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(
      graph.status().ToString(),
      AllOf(HasSubstr("4 of its operators"), HasSubstr("opset 13"),
            HasSubstr("ai.onnx.Frobnicate (node 'first')"), HasSubstr("ai.onnx.If (node 'choice')"),
            HasSubstr("ai.onnx.Innermost (node 'deep')"),
            HasSubstr("ai.onnx.ml.TreeEnsemble (node 'trees')")));
}

struct Refusal {
  const char* name;
  void (*build)(ModelBuilder&);
  const char* says;
};

ModelBuilder Good() {
  ModelBuilder model;
  model.Input("x", onnx::TensorProto::FLOAT, {2});
  model.Floats("w", {2}, {1, 2});
  model.Node("Relu", {"x"}, {"y"}, "relu");
  model.Output("y");
  return model;
}

const Refusal kRefusals[] = {
    {"OldOpset", [](ModelBuilder& m) { m.Opset(6); }, "opset 6"},
    {"NewOpset", [](ModelBuilder& m) { m.Opset(22); }, "7 to 21"},
    {"NoOpset", [](ModelBuilder& m) { m.model.clear_opset_import(); }, "does not say which opset"},
    {"NoGraph", [](ModelBuilder& m) { m.model.clear_graph(); }, "no graph"},
    {"NoOutputs", [](ModelBuilder& m) { m.graph().clear_output(); }, "no outputs"},
    {"UnmadeOutput", [](ModelBuilder& m) { m.Output("z"); }, "output 'z' is made by no node"},
    {"TwiceOutput", [](ModelBuilder& m) { m.Output("y"); }, "output 'y' is there twice"},
    {"UndefinedInput", [](ModelBuilder& m) { m.Node("Relu", {"nowhere"}, {"z"}, "bad"); },
     "node 'bad': reads 'nowhere', which nothing makes"},
    {"TwiceMade", [](ModelBuilder& m) { m.Node("Relu", {"x"}, {"y"}, "again"); },
     "node 'again': makes 'y' a second time"},
    {"MakesAnInput", [](ModelBuilder& m) { m.Node("Relu", {"y"}, {"x"}, "back"); },
     "makes 'x' a second time"},
    {"MakesAnInitializer", [](ModelBuilder& m) { m.Node("Relu", {"y"}, {"w"}); },
     "makes 'w' a second time"},
    {"TwiceInitializer", [](ModelBuilder& m) { m.Floats("w", {1}, {1}); },
     "initializer 'w' is there twice"},
    {"TwiceInput", [](ModelBuilder& m) { m.Input("x", onnx::TensorProto::FLOAT, {2}); },
     "input 'x' is there twice"},
    {"Cycle",
     [](ModelBuilder& m) {
       m.Node("Relu", {"b"}, {"a"}, "one");
       m.Node("Relu", {"a"}, {"b"}, "two");
     },
     "cycle"},
    {"SelfCycle", [](ModelBuilder& m) { m.Node("Relu", {"a"}, {"a"}, "self"); },
     "node 'self': the graph has a cycle"},
    {"NanWeight",
     [](ModelBuilder& m) {
       m.Floats("n", {2}, {1, NAN});
     },
     "initializer 'n' holds NaN"},
    {"UntypedInput", [](ModelBuilder& m) { m.graph().add_input()->set_name("u"); },
     "input 'u' has no element type"},
    {"UnknownInputType", [](ModelBuilder& m) { m.Input("u", 99, {1}); }, "element type 99"},
    {"NegativeInputDim", [](ModelBuilder& m) { m.Input("u", onnx::TensorProto::FLOAT, {-2}); },
     "negative"},
    {"AbsurdInputDims",
     [](ModelBuilder& m) {
       m.Input("u", onnx::TensorProto::FLOAT, {int64_t{1} << 40, int64_t{1} << 40});
     },
     "more elements than can be counted"},
    {"SequenceInput",
     [](ModelBuilder& m) {
       auto* input = m.graph().add_input();
       input->set_name("s");
       input->mutable_type()->mutable_sequence_type();
     },
     "value 's' is no tensor"},
    {"Sparse",
     [](ModelBuilder& m) { m.graph().add_sparse_initializer()->mutable_values()->set_name("s"); },
     "initializer 's' is sparse"},
    {"ConstantWithoutValue", [](ModelBuilder& m) { m.Node("Constant", {}, {"c"}, "none"); },
     "node 'none': Constant needs exactly one value"},
    {"Subgraph",
     [](ModelBuilder& m) {
       auto* attribute = m.Node("Relu", {"x"}, {"g"}, "odd")->add_attribute();
       attribute->set_name("body");
       attribute->mutable_g();
     },
     "node 'odd': attribute 'body' is of a kind"},
    {"NanAttribute",
     [](ModelBuilder& m) {
       auto* attribute = m.Node("Relu", {"x"}, {"g"}, "odd")->add_attribute();
       attribute->set_name("alpha");
       attribute->set_f(NAN);
     },
     "attribute 'alpha' is NaN"},
};

class ImportRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(ImportRefusal, GivesOneClearLine) {
  ModelBuilder model = Good();
  ASSERT_TRUE(model.Import().ok());
  GetParam().build(model);
  const auto graph = model.Import();
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(graph.status().ToString(), HasSubstr(GetParam().says));
  EXPECT_EQ(graph.status().ToString().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Onnx, ImportRefusal, testing::ValuesIn(kRefusals),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace deftnn
