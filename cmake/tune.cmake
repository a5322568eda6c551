# libdeftnn_tune.so: fine-tuning's engine on LibTorch. The program opens it when it trains, so that nothing else needs
# LibTorch. It carries its own copy of what it uses of the library and shows one function.
find_library(TORCH_CPU_LIBRARY torch_cpu)
find_library(C10_LIBRARY c10)
find_path(TORCH_INCLUDE_DIR torch/csrc/autograd/custom_function.h)
find_path(GLOO_INCLUDE_DIR gloo/context.h)
set(deftnn_tune_default OFF)
if(TORCH_CPU_LIBRARY AND C10_LIBRARY AND TORCH_INCLUDE_DIR AND GLOO_INCLUDE_DIR AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(deftnn_tune_default ON)
endif()
option(DEFTNN_BUILD_TUNE "Build fine-tuning (needs LibTorch and Gloo: libtorch-dev, libgloo-dev)" ${deftnn_tune_default})

# From the folder above the program's to where `cmake --install` puts the engine.
set_source_files_properties(${CMAKE_SOURCE_DIR}/deftnn/tune/engine.cc PROPERTIES
                            COMPILE_DEFINITIONS DEFTNN_LIBRARY_FOLDER="${CMAKE_INSTALL_LIBDIR}")

if(DEFTNN_BUILD_TUNE)
  if(NOT deftnn_tune_default)
    message(FATAL_ERROR "DEFTNN_BUILD_TUNE needs LibTorch and Gloo (libtorch-dev, libgloo-dev) and no sanitizer")
  endif()
  add_library(deftnn_tune MODULE ${tune_sources})
  set_target_properties(deftnn_tune PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(deftnn_tune PRIVATE ${CMAKE_SOURCE_DIR})
  target_include_directories(deftnn_tune SYSTEM PRIVATE ${TORCH_INCLUDE_DIR} ${GLOO_INCLUDE_DIR})
  target_compile_definitions(deftnn_tune PRIVATE DEFTNN_VERSION="${PROJECT_VERSION}" USE_C10D_GLOO)
  target_link_libraries(deftnn_tune PRIVATE deftnn_options deftnn deftnn_dependencies ${TORCH_CPU_LIBRARY} ${C10_LIBRARY})
  target_link_options(deftnn_tune PRIVATE LINKER:--exclude-libs,ALL LINKER:--as-needed)
  # LibTorch's headers are most of the time of each file.
  target_precompile_headers(deftnn_tune PRIVATE <algorithm> <string> <vector> <ATen/Functions.h> <ATen/TensorOperators.h> <ATen/TensorOperators.h>
                            <torch/csrc/autograd/custom_function.h>)
endif()
