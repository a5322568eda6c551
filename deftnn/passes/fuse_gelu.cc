// fuse_gelu: the arithmetic that exporters write for GELU, x (1 + erf(x / sqrt 2)) / 2 or its
// approximation by tanh, becomes one Gelu. However it is associated: every value between is a
// polynomial in x plus a polynomial in x times the erf or tanh, and the coefficients tell.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "deftnn/passes/pass.h"

namespace deftnn {
namespace {

constexpr int kDegree = 3;
constexpr size_t kMostValues = 16;  // looked at on either side of the function
constexpr double kTolerance = 1e-6;

// sum p[i] x^i + t sum q[i] x^i.
struct Expression {
  std::array<double, kDegree + 1> p{}, q{};

  static Expression Of(double constant) {
    Expression e;
    e.p[0] = constant;
    return e;
  }
  bool is_constant() const {
    return std::all_of(p.begin() + 1, p.end(), [](double v) { return v == 0; }) && !has_t();
  }
  bool has_t() const {
    return std::any_of(q.begin(), q.end(), [](double v) { return v != 0; });
  }
  bool IsNear(const Expression& other) const {
    for (size_t i = 0; i <= kDegree; ++i) {
      if (!(std::abs(p[i] - other.p[i]) <= kTolerance * std::abs(other.p[i]))) return false;
      if (!(std::abs(q[i] - other.q[i]) <= kTolerance * std::abs(other.q[i]))) return false;
    }
    return true;
  }
};

Expression Sum(const Expression& a, const Expression& b, double sign) {
  Expression e;
  for (size_t i = 0; i <= kDegree; ++i) {
    e.p[i] = a.p[i] + sign * b.p[i];
    e.q[i] = a.q[i] + sign * b.q[i];
  }
  return e;
}

// Nothing where the degree or a square of t would be beyond an Expression.
std::optional<Expression> Product(const Expression& a, const Expression& b) {
  if (a.has_t() && b.has_t()) return {};
  Expression e;
  for (size_t i = 0; i <= kDegree; ++i) {
    for (size_t j = 0; j <= kDegree; ++j) {
      const double p = a.p[i] * b.p[j], q = a.p[i] * b.q[j] + a.q[i] * b.p[j];
      if (i + j > kDegree) {
        if (p != 0 || q != 0) return {};
        continue;
      }
      e.p[i + j] += p;
      e.q[i + j] += q;
    }
  }
  return e;
}

// The values of a graph as Expressions in one value x and one value t.
class Algebra {
 public:
  Algebra(const Graph& graph, const PassContext& context, ValueId x, ValueId t)
      : graph_(graph), context_(context) {
    Expression ex, et;
    ex.p[1] = 1;
    et.q[0] = 1;
    known_[x] = ex;
    if (t != kNoValue) known_[t] = et;
  }

  std::optional<Expression> Of(ValueId id) {
    const auto at = known_.find(id);
    if (at != known_.end()) return at->second;
    if (known_.size() > 2 * kMostValues) return {};
    known_[id] = std::nullopt;
    return known_[id] = Compute(id);
  }

 private:
  std::optional<Expression> Compute(ValueId id) {
    if (const Tensor* constant = graph_.Constant(id)) {
      if (constant->type() != ElementType::kFloat32 || constant->size() != 1) return {};
      return Expression::Of(constant->values<float>()[0]);
    }
    const int index = context_.producer(id);
    if (index < 0) return {};
    const Node& node = graph_.node(index);
    if (!node.domain.empty() || node.inputs.size() != 2) return {};
    const bool sum = node.op == "Add" || node.op == "Sub";
    if (!sum && node.op != "Mul" && node.op != "Div" && node.op != "Pow") return {};
    const auto a = Of(node.inputs[0]), b = Of(node.inputs[1]);
    if (!a || !b) return {};
    if (sum) return Sum(*a, *b, node.op == "Add" ? 1 : -1);
    if (node.op == "Mul") return Product(*a, *b);
    if (!b->is_constant()) return {};
    if (node.op == "Div") return Product(*a, Expression::Of(1 / b->p[0]));
    if (b->p[0] != 2 && b->p[0] != 3) return {};
    const auto square = Product(*a, *a);
    return b->p[0] == 3 && square ? Product(*square, *a) : square;
  }

  const Graph& graph_;
  const PassContext& context_;
  std::map<ValueId, std::optional<Expression>> known_;
};

// What the erf or tanh of a GELU is taken of.
Expression ArgumentOf(bool by_tanh) {
  constexpr double kSqrtHalf = 0.70710678118654752, kSqrtTwoByPi = 0.79788456080286536;
  Expression e;
  e.p[1] = by_tanh ? kSqrtTwoByPi : kSqrtHalf;
  if (by_tanh) e.p[3] = kSqrtTwoByPi * 0.044715;
  return e;
}

// The value whose GELU the erf or tanh may belong to; kNoValue when there is none.
ValueId FindX(const Graph& graph, const PassContext& context, const Node& function) {
  const Expression wanted = ArgumentOf(function.op == "Tanh");
  std::vector<ValueId> candidates = {function.inputs[0]};
  for (size_t i = 0; i < candidates.size() && i < kMostValues; ++i) {
    const ValueId id = candidates[i];
    if (graph.Constant(id) != nullptr) continue;
    const auto argument = Algebra(graph, context, id, kNoValue).Of(function.inputs[0]);
    if (argument && argument->IsNear(wanted)) return id;
    const int index = context.producer(id);
    if (index < 0) continue;
    for (const ValueId input : graph.node(index).inputs) {
      const bool seen = std::find(candidates.begin(), candidates.end(), input) != candidates.end();
      if (input != kNoValue && !seen) candidates.push_back(input);
    }
  }
  return kNoValue;
}

// The node that makes the GELU of x out of t; -1 when there is none.
int FindGelu(const Graph& graph, const PassContext& context, ValueId x, ValueId t) {
  Expression wanted;
  wanted.p[1] = wanted.q[1] = 0.5;
  Algebra algebra(graph, context, x, t);
  std::vector<ValueId> reached = {t};
  for (size_t i = 0; i < reached.size() && i < kMostValues; ++i) {
    for (const int reader : graph.Consumers(reached[i])) {
      const Node& node = graph.node(reader);
      if (node.outputs.size() != 1) continue;
      const auto value = algebra.Of(node.outputs[0]);
      if (!value) continue;
      if (value->IsNear(wanted)) return reader;
      reached.push_back(node.outputs[0]);
    }
  }
  return -1;
}

// Constants of rank 0 cannot add an axis; where there are others, the shapes have to be known.
bool OnlyScalarsOfRankZero(const Graph& graph, const PassContext& context, ValueId from,
                           ValueId x) {
  std::vector<ValueId> open = {from};
  for (size_t i = 0; i < open.size(); ++i) {
    if (open[i] == x || i > 4 * kMostValues) continue;
    if (const Tensor* constant = graph.Constant(open[i])) {
      if (constant->rank() != 0) return false;
      continue;
    }
    const int index = context.producer(open[i]);
    if (index < 0) continue;
    for (const ValueId input : graph.node(index).inputs) open.push_back(input);
  }
  return open.size() <= 4 * kMostValues;
}

Result<std::optional<Patch>> Next(const Graph& graph, PassContext& context) {
  for (const Node& function : graph.nodes()) {
    if (!function.domain.empty() || (function.op != "Tanh" && function.op != "Erf")) continue;
    const ValueId x = FindX(graph, context, function);
    if (x == kNoValue) continue;
    const int index = FindGelu(graph, context, x, function.outputs[0]);
    if (index < 0) continue;
    const Node& last = graph.node(index);
    if (!OnlyScalarsOfRankZero(graph, context, last.outputs[0], x) &&
        !context.SameShape(x, last.outputs[0])) {
      continue;
    }
    Node gelu{last.name, "", "Gelu", {x}, last.outputs, {}};
    gelu.attributes["approximate"] = std::string(function.op == "Tanh" ? "tanh" : "none");
    Patch patch(graph);
    patch.ReplaceNode(index, std::move(gelu));
    return std::optional<Patch>(std::move(patch));
  }
  return std::optional<Patch>();
}

}  // namespace

extern const Pass kFuseGeluPass;
constinit const Pass kFuseGeluPass = {"fuse_gelu", "turns the arithmetic of GELU into one node",
                                      &Next};

}  // namespace deftnn
