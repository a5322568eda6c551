# ISA name -> compiler flags. A source file whose stem is an ISA's name, or ends with _<name>,
# is compiled with that ISA's flags and no other file is; selection happens at run time.
# Highway 1.0.3 reads its static target off these flags: AVX2 needs AES, PCLMUL, BMI and F16C too.
set(DEFTNN_ISA_avx2 -mavx2 -mfma -mf16c -mbmi -mbmi2 -maes -mpclmul -mprfchw)
set(DEFTNN_ISA_avx512 ${DEFTNN_ISA_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd)
set(DEFTNN_ISA_avx512_bf16 ${DEFTNN_ISA_avx512} -mavx512bf16)
set(DEFTNN_ISA_amx_bf16 ${DEFTNN_ISA_avx512_bf16} -mamx-tile -mamx-bf16)
set(DEFTNN_ISAS amx_bf16 avx512_bf16 avx512 avx2)  # longest suffix first

function(deftnn_set_isa_flags)
  foreach(file IN LISTS ARGN)
    get_filename_component(stem ${file} NAME_WE)
    foreach(isa IN LISTS DEFTNN_ISAS)
      if(stem MATCHES "(^|_)${isa}$")
        set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${DEFTNN_ISA_${isa}};-ffp-contract=fast")
        break()
      endif()
    endforeach()
  endforeach()
endfunction()

# Clang 16 takes minutes a file for these under a sanitizer (every lambda of the unrolled loops is instrumented and
# then inlined), so they go without; the families' other files and the product's kernels keep it.
function(deftnn_skip_slow_sanitizing)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
    return()
  endif()
  foreach(file IN LISTS ARGN)
    if(file MATCHES "/kernels/(depthwise|eltwise|pool|softmax)/(portable|avx2|avx512)\\.cc$")
      set_property(SOURCE ${file} APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=all)
      set_property(SOURCE ${file} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()
