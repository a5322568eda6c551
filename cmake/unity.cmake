# With CMAKE_UNITY_BUILD (every preset but dev) a folder's files are compiled as one: a third of the time. Folders that are
# not named here are compiled file by file: in some, files give the same names to their parts, an op's Infer and Evaluate
# say. The preset dev, which clang-tidy looks at, shows that each file includes what it needs.
function(deftnn_compile_folders_at_once target)
  foreach(folder analysis api base cli data graph onnx package pipeline runtime sve tune)
    set(files ${ARGN})
    list(FILTER files INCLUDE REGEX "/deftnn/${folder}/[^/]*\\.cc$")
    set_source_files_properties(${files} PROPERTIES UNITY_GROUP ${folder})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
