// What libdeftnn_tune.so exports: one function.
#include "deftnn/tune/entry.h"
#include "deftnn/tune/torch/network.h"
#include "deftnn/tune/torch/processes.h"

extern "C" __attribute__((visibility("default"))) const deftnn::TuneEngine* DeftnnTuneEngine() {
  static constexpr deftnn::TuneEngine kEngine{
      deftnn::kTuneEngineVersion, &deftnn::torch_engine::Rebuild, &deftnn::torch_engine::Join,
      &deftnn::torch_engine::PrepareThread};
  return &kEngine;
}
