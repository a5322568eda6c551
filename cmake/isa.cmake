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

# Every access of an unrolled loop is one check more, before and after inlining: inline checks take clang 16 minutes for
# a kernel. AddressSanitizer's as calls, and without those of UBSan that it makes superfluous, take seconds.
function(deftnn_sanitize_kernels_by_calls)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize=address")
    return()
  endif()
  foreach(file IN LISTS ARGN)
    if(file MATCHES "/kernels/[a-z]+/(portable|avx2|avx512|avx512_bf16|amx_bf16)\\.cc$")
      set_property(SOURCE ${file} APPEND PROPERTY COMPILE_OPTIONS -mllvm -asan-instrumentation-with-call-threshold=0
                   -fno-sanitize=null,object-size,vptr,pointer-overflow)
    endif()
  endforeach()
endfunction()
