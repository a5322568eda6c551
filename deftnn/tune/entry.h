// How the program and libdeftnn_tune.so meet.
#pragma once

#include "deftnn/tune/engine.h"

namespace deftnn {

/// What both sides must agree on; raised with every change of engine.h.
inline constexpr const char* kTuneEngineVersion = "deftnn " DEFTNN_VERSION ", engine 2";
/// The function that the library shows: `const TuneEngine* DeftnnTuneEngine()`.
inline constexpr const char* kTuneEngineEntry = "DeftnnTuneEngine";

}  // namespace deftnn
