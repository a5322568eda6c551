// How the CPU prepares each kind of step: one function, one file each.
#pragma once

#include "deftnn/runtime/backend.h"

namespace deftnn {

struct CpuPrepareContext {
  Isa isa;
  int threads;
  const PackedWeights* packed;  // may be null
  MemoryPool* pool;             // for weights that are packed here
};

using PrepareStep = Result<std::unique_ptr<Step>>(const StepSpec& spec,
                                                  const CpuPrepareContext& context);

PrepareStep PrepareProduct;     // SynapseProduct
PrepareStep PrepareDepthwise;   // DepthwiseConv
PrepareStep PreparePool;        // MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool
PrepareStep PrepareActivation;  // Relu, Clip, ... where no product could take it
PrepareStep PrepareBinary;      // Add, Sub, Mul, Div
PrepareStep PrepareBroadcast;   // the same of shapes that differ
PrepareStep PrepareSoftmax;     // Softmax, LogSoftmax over axes with nothing behind them
PrepareStep PrepareReduce;      // ReduceSum, ReduceMean
PrepareStep PrepareGather;      // Gather
PrepareStep PrepareSlice;       // Slice of images
PrepareStep PreparePad;         // Pad of images with a constant
PrepareStep PrepareConvert;     // one form or format to another
PrepareStep PreparePlain;       // everything else, by its plain implementation

}  // namespace deftnn
