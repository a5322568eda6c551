// What each node becomes in a plan, and the form, format and halo of each value: the choices of
// layout, made once for the whole graph before any step is.
#pragma once

#include <vector>

#include "deftnn/graph/graph.h"
#include "deftnn/ops/op.h"
#include "deftnn/runtime/backend.h"

namespace deftnn {

enum class NodeRole {
  kConstant,  // every output is known: nothing to run
  kStep,      // one step of `kind`
  kReshape,   // the same bytes under another shape
  kConcat,    // parts written into (or copied to) slices of one tensor
};

struct NodeChoice {
  NodeRole role = NodeRole::kStep;
  StepKind kind = StepKind::kPlain;
  Form form = Form::kPlain;  // of its outputs, and of those inputs that are activations
};

struct Halo {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool empty() const { return top == 0 && bottom == 0 && left == 0 && right == 0; }
};

struct ValueChoice {
  Form form = Form::kPlain;
  Format format = Format::kFp32;
  Halo halo;
  ValueId concat = kNoValue;  // the concatenation that this value is written straight into
  int64_t concat_offset = 0;  // its first channel there
};

struct Roles {
  std::vector<NodeChoice> nodes;    // by node index
  std::vector<ValueChoice> values;  // by ValueId
};

Roles ChooseRoles(const Graph& graph, const std::vector<ValueInfo>& infos);

/// The layout of a value of this shape in an image or rows form.
Layout LayoutOf(Form form, const Shape& shape, Format format, const Halo& halo = {});

/// The spatial extents and the channels of an image shape N x C x [H x] W.
bool IsImageShape(const Shape& shape);

}  // namespace deftnn
