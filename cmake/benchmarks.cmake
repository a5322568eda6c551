# Kernel benchmarks: every *_bench.cc, one binary. Timing lives here and never in a test.
find_package(benchmark REQUIRED)
add_executable(deftnn_kernel_bench ${bench_sources})
target_include_directories(deftnn_kernel_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(deftnn_kernel_bench PRIVATE deftnn_options deftnn deftnn_dependencies benchmark::benchmark_main)
