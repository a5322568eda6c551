# Kernel benchmarks: every *_bench.cc, one binary. Timing lives here and never in a test.
find_package(benchmark REQUIRED)
add_executable(deftnn_kernel_bench ${bench_sources})
set_target_properties(deftnn_kernel_bench PROPERTIES UNITY_BUILD OFF)
target_include_directories(deftnn_kernel_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(deftnn_kernel_bench PRIVATE deftnn_options deftnn deftnn_dependencies benchmark::benchmark_main)

# DeftNN's side of `make bench` (bench/), built when asked for.
add_executable(deftnn_bench_worker EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/worker.cc
               ${CMAKE_SOURCE_DIR}/bench/random_cut.cc)
target_include_directories(deftnn_bench_worker PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_definitions(deftnn_bench_worker PRIVATE DEFTNN_VERSION="${PROJECT_VERSION}")
target_link_libraries(deftnn_bench_worker PRIVATE deftnn_options deftnn deftnn_dependencies)
