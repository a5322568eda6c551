# `cmake --install`: the library, the CLI and find_package(deftnn).
include(CMakePackageConfigHelpers)
if(TARGET deftnn_cli)
  install(TARGETS deftnn_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
