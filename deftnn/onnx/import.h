// ONNX files in.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "deftnn/graph/graph.h"

namespace deftnn {

/// The oldest and newest versions of the ai.onnx operator set that are read.
inline constexpr int kOldestOpset = 7;
inline constexpr int kNewestOpset = 21;

/// Reads an ONNX model into a graph of opset kOpset (ops/op.h), nodes sorted and verified.
///
/// - Every initializer becomes a constant, as does every Constant node; an initializer that is also
///   listed as a graph input (IR 3) is not an input. Open dimensions are kDynamic.
/// - float16 and bfloat16 are widened: initializers, declared types and Casts become float32, so
/// the
///   whole graph computes in float32, and an input declared float16 is fed with float32. Every
///   other type stays as it is.
/// - Node names are unique; an unnamed node is named after its operator and its first output.
/// - External data must lie inside the model's own folder after `..` and symbolic links are
/// resolved.
///
/// Errors name the file and the node: unreadable or cut-off file, opset outside 7..21, unsupported
/// operators (all of them in one message), tensors whose storage disagrees with their shape, NaN
/// weights, values that are made twice, never, or in a cycle.
Result<Graph> ImportOnnx(const std::string& path);

/// The same from the bytes of a model; `folder` is where its external data lies (empty: it may have
/// none).
Result<Graph> ImportOnnxBytes(std::span<const std::byte> bytes, const std::string& folder);

}  // namespace deftnn
