# The tests in tests/ that run the built program. Those against ONNX Runtime need the peers in .venv
# (make venv): without them they show as skipped. Sanitizers would take them past any sensible time.
set(deftnn_data "${CMAKE_SOURCE_DIR}/../shared")
if(DEFINED ENV{DEFTNN_DATA})
  set(deftnn_data "$ENV{DEFTNN_DATA}")
endif()

# deftnn_add_product_test(NAME COMMAND...): alone on the machine, as what it finds may hang on what it measures.
function(deftnn_add_product_test name)
  add_test(NAME ${name} COMMAND ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS e2e TIMEOUT 600 SKIP_RETURN_CODE 77 RUN_SERIAL ON
                       ENVIRONMENT "DEFTNN_BIN=$<TARGET_FILE:deftnn_cli>;DEFTNN_DATA=${deftnn_data}")
endfunction()

foreach(test end_to_end hostile_inputs)
  deftnn_add_product_test(${test} ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/${test}_test.py
                          $<TARGET_FILE:deftnn_cli> ${CMAKE_SOURCE_DIR})
endforeach()
# Shows as skipped where fine-tuning is not built.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  deftnn_add_product_test(tune ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tests/tune_test.py $<TARGET_FILE:deftnn_cli>
                          ${CMAKE_SOURCE_DIR})
endif()
set_tests_properties(hostile_inputs PROPERTIES LABELS "e2e;hostile")  # runs under AddressSanitizer too

set(peers_python ${CMAKE_SOURCE_DIR}/.venv/bin/python)
foreach(test models_vs_onnxruntime ops_vs_onnxruntime)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    continue()
  endif()
  if(EXISTS ${peers_python})
    deftnn_add_product_test(${test} ${peers_python} ${CMAKE_SOURCE_DIR}/tests/${test}.py)
  else()
    deftnn_add_product_test(${test} ${Python3_EXECUTABLE} -c
                            "import sys; print('skipped: no .venv with onnxruntime (make venv)'); sys.exit(77)")
  endif()
  list(APPEND beside_others ${test})
endforeach()

# Nothing in these hangs on time: they run beside the unit tests, and begin first.
set_tests_properties(hostile_inputs ${beside_others} PROPERTIES RUN_SERIAL OFF COST 1000)
