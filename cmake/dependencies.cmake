# Every library that the project stands on; docs/architecture.md says why each is here.
find_package(Protobuf REQUIRED)
find_package(hwy REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_path(ONNX_INCLUDE_DIR onnx/onnx_pb.h REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_library(OPENBLAS_LIBRARY openblas REQUIRED)
find_path(OPENBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES x86_64-linux-gnu/openblas-pthread x86_64-linux-gnu REQUIRED)
find_library(LAPACKE_LIBRARY lapacke REQUIRED)

add_library(deftnn_dependencies INTERFACE)
target_include_directories(deftnn_dependencies SYSTEM INTERFACE
  $<BUILD_INTERFACE:${ONNX_INCLUDE_DIR}> $<BUILD_INTERFACE:${OPENBLAS_INCLUDE_DIR}>)
target_compile_definitions(deftnn_dependencies INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
# What stays in a static library's link line is named, not given as a path of the machine that built it.
target_link_libraries(deftnn_dependencies INTERFACE
  $<BUILD_INTERFACE:${ONNX_PROTO_LIBRARY}> $<INSTALL_INTERFACE:onnx_proto>
  protobuf::libprotobuf hwy::hwy fmt::fmt spdlog::spdlog ZLIB::ZLIB JPEG::JPEG PNG::PNG Threads::Threads
  $<BUILD_INTERFACE:nlohmann_json::nlohmann_json> $<BUILD_INTERFACE:CLI11::CLI11>
  $<BUILD_INTERFACE:${OPENBLAS_LIBRARY}> $<INSTALL_INTERFACE:openblas>
  $<BUILD_INTERFACE:${LAPACKE_LIBRARY}> $<INSTALL_INTERFACE:lapacke> ${CMAKE_DL_LIBS})
