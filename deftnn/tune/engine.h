// What fine-tuning asks of the engine that differentiates: a network whose constants can be
// trained, and a group of processes that sums over its members. The engine is a shared library of
// its own (tune/torch/, on LibTorch), opened only when something is to be trained.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deftnn/base/status.h"
#include "deftnn/base/tensor.h"
#include "deftnn/graph/graph.h"

namespace deftnn {

/// A constant of the graph that training may change.
struct TrainableConstant {
  ValueId id = kNoValue;
  std::string name;
  Shape shape;
  bool weights = false;  // of a product or depthwise convolution; else a bias

  int64_t size() const { return ElementCount(shape); }
};

/// A canonical graph of float32 constants, rebuilt so that gradients flow through it. What was
/// eliminated is gone: products compute with the kept entries of K alone.
class TrainableNetwork {
 public:
  virtual ~TrainableNetwork() = default;

  /// Weights and biases that a gradient of the outputs reaches, in graph order.
  virtual const std::vector<TrainableConstant>& constants() const = 0;
  /// One line for each node that gradients do not pass, so that what lies before it stays fixed.
  virtual const std::vector<std::string>& warnings() const = 0;

  virtual void Set(size_t constant, std::span<const float> values) = 0;
  /// One tensor for each value that was asked for; keeps what Backward needs.
  virtual Result<std::vector<Tensor>> Forward(const std::vector<Tensor>& inputs) = 0;
  /// Of the last Forward: adds the gradients of the constants for these gradients of its outputs
  /// to `sums`, one entry a constant, of its size.
  virtual Status Backward(const std::vector<Tensor>& output_gradients,
                          std::vector<std::vector<float>>& sums) = 0;
};

/// Programs that work on the same task; each member calls the same methods in the same order.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Replaces the values by their sums over all members: the same bits everywhere.
  virtual Status Sum(std::span<float> values) = 0;
  virtual Status Sum(std::span<double> values) = 0;
  /// Replaces the bytes by those of member 0.
  virtual Status Broadcast(std::span<std::byte> bytes) = 0;
};

/// Where a member of a group finds the others.
struct Membership {
  int rank = 0, size = 1;
  std::string address;
  int port = 0;
};

struct TuneEngine {
  const char* version;
  /// `outputs`: values of `graph` that Forward returns. An error where no constant can be trained.
  Result<std::unique_ptr<TrainableNetwork>> (*rebuild)(const Graph& graph,
                                                       const std::vector<ValueId>& outputs,
                                                       int threads);
  Result<std::unique_ptr<ProcessGroup>> (*join)(const Membership& membership);
  /// A thread calls it once, before it computes with a network, while no other thread does.
  void (*prepare_thread)();
};

/// Opens the engine, once a process: libdeftnn_tune.so beside the program, in the library folder
/// of its installation, or where the loader looks. The error says what is missing.
Result<const TuneEngine*> OpenTuneEngine();

}  // namespace deftnn
