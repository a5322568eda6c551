// A network that runs.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "deftnn/expected.h"
#include "deftnn/model.h"
#include "deftnn/tensor.h"

namespace deftnn::v1 {

/// How tensors are kept between layers.
enum class Format {
  kFp32,   // IEEE binary32
  kDfp16,  // 16 bits: 1 sign, 8 exponent, 7 mantissa; unpacked in registers, summed in fp32
};

struct SessionOptions {
  int threads = 0;                // of one run; 0: one a core; at most 1024
  Format format = Format::kFp32;  // of an .onnx; a .deft keeps the formats it was written with
};

/// A handle: copies share the threads, plans and packed weights.
class Session {
 public:
  /// Errors: a number of threads that is out of range; an instruction set asked for with the
  /// environment variable DEFTNN_ISA that this CPU lacks.
  static Expected<Session> Create(const Model& model, const SessionOptions& options = {});

  Session(const Session&) = default;
  Session& operator=(const Session&) = default;

  /// Runs the network once. `inputs`: one a Model::inputs(), in that order, of the declared type
  /// and shape (any size where -1 is declared); they are copied. Returns one tensor a
  /// Model::outputs(), in that order. The first run with a new set of shapes plans it and packs
  /// weights; the 16 latest sets are kept.
  ///
  /// Safe from several threads at once: the runs share the session's threads, and each has memory
  /// of its own. The same input gives the same bits, whatever else runs.
  /// Errors: a count, type, shape or number of bytes that does not fit; a shape that an operator
  /// cannot take.
  Expected<std::vector<Tensor>> Run(std::span<const TensorView> inputs) const;
  Expected<std::vector<Tensor>> Run(const std::vector<TensorView>& inputs) const {
    return Run(std::span<const TensorView>(inputs));
  }

  /// Threads of one run, the caller's own included.
  int threads() const;

 private:
  struct Impl;
  explicit Session(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  std::shared_ptr<Impl> impl_;
};

}  // namespace deftnn::v1
