# Unit tests: every *_test.cc beside the code, one binary; whole-product tests live in tests/.
find_package(GTest REQUIRED)
include(GoogleTest)

file(GLOB product_test_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*_test.cc)
# ThreadSanitizer has nothing to find in a test with one thread.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
  list(FILTER test_sources INCLUDE REGEX "/(base/threads|runtime/session|runtime/cut_batch|api/api|api/optimize|report/progress|\
analysis/gram|analysis/linear_algebra|sve/eliminate|kernels/.*)_test\\.cc$")
endif()
if(test_sources OR product_test_sources)
  add_executable(deftnn_tests ${test_sources} ${product_test_sources})
  deftnn_set_isa_flags(${test_sources})
  set(without_twins ${test_sources})
  list(FILTER without_twins EXCLUDE REGEX "/deftnn/api/")
  deftnn_compile_folders_at_once(deftnn_tests ${without_twins})
  target_include_directories(deftnn_tests PRIVATE ${CMAKE_SOURCE_DIR})
  # The library's frames have their lines; a test's name is enough, and a tenth of its compilation is saved.
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_compile_options(deftnn_tests PRIVATE -g0)
  endif()
  target_compile_definitions(deftnn_tests PRIVATE DEFTNN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(deftnn_tests PRIVATE deftnn_options deftnn deftnn_dependencies GTest::gmock_main)
  target_precompile_headers(deftnn_tests PRIVATE <algorithm> <cmath> <filesystem> <functional> <map> <memory> <optional>
                            <random> <span> <string> <utility> <vector> <fmt/format.h> <gmock/gmock.h> <gtest/gtest.h>)
  gtest_discover_tests(deftnn_tests DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300 LABELS unit)
endif()

find_package(Python3 COMPONENTS Interpreter REQUIRED)
add_test(NAME layers COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/check_layers.py ${CMAKE_SOURCE_DIR})

if(TARGET deftnn_cli)
  include(whole_product_tests)
endif()

# The installed library, as a program of somebody else's finds it.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND TARGET deftnn_cli)
  add_test(NAME consumer COMMAND ${CMAKE_SOURCE_DIR}/tests/consumer_test.sh ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
  set_tests_properties(consumer PROPERTIES LABELS e2e TIMEOUT 300)
endif()
