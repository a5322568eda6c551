// Writes a feed-forward chain of layers as an ONNX file. Knows nothing of LibTorch, so that the
// headers of the two never meet in one file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fashion {

struct FloatTensor {
  std::vector<int64_t> dims;
  std::vector<float> values;
};

// Each call appends one node that reads the previous one's output. Weights are stored as
// initializers named "<layer>.<role>" (conv1.weight, bn1.scale, ...).
class OnnxWriter {
 public:
  // The graph's input is "image", N x `channels` x `side` x `side`, with N free.
  OnnxWriter(const std::string& graph_name, int64_t channels, int64_t side);
  ~OnnxWriter();

  // Square kernel, stride 1, symmetric `pad`, no bias (a BatchNormalization is to follow).
  void Conv(const std::string& layer, const FloatTensor& weight, int64_t pad);
  void BatchNorm(const std::string& layer, const FloatTensor& scale, const FloatTensor& bias,
                 const FloatTensor& mean, const FloatTensor& var, float epsilon);
  void Relu(const std::string& layer);
  void MaxPool2x2(const std::string& layer);
  void Flatten(const std::string& layer);
  // `weight` is out x in, as LibTorch has it, hence transB = 1.
  void Gemm(const std::string& layer, const FloatTensor& weight, const FloatTensor& bias);

  // Names the last node's output "logits" (N x `classes`) and writes the file under a temporary
  // name that is then renamed, so that `path` never holds half a model. Throws
  // std::runtime_error if it cannot be written. To be called once, last.
  void Save(const std::string& path, int64_t classes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fashion
