// Where the loss reads a network: logits, also of networks that put out probabilities.
#pragma once

#include <span>
#include <vector>

#include "deftnn/base/tensor.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// The values of `graph` that the loss reads: with `classes` the first output alone, and what a
/// softmax that makes it reads instead of it; else every output.
std::vector<ValueId> LossValues(const Graph& graph, bool classes);

/// Rows of numbers of at least 0 that sum to 1, as far as float32 goes?
bool LooksLikeProbabilities(const Tensor& output);

/// The logarithm of each probability, bounded below so that it is finite.
Tensor LogOf(const Tensor& probabilities);
/// The gradient at the probabilities from the gradient at their logarithms, in place.
void GradientThroughLog(const Tensor& probabilities, Tensor& gradient);

}  // namespace deftnn
