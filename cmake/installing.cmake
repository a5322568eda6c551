# `cmake --install`: the library, the CLI, the public headers and find_package(deftnn).
include(CMakePackageConfigHelpers)
if(TARGET deftnn_cli)
  install(TARGETS deftnn_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET deftnn_tune)
  install(TARGETS deftnn_tune LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

set(DEFTNN_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/deftnn)
set_target_properties(deftnn_dependencies PROPERTIES EXPORT_NAME dependencies)
install(TARGETS deftnn deftnn_dependencies EXPORT deftnnTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/deftnn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT deftnnTargets NAMESPACE deftnn:: DESTINATION ${DEFTNN_CMAKE_DIR})

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/deftnnConfig.cmake.in ${CMAKE_BINARY_DIR}/deftnnConfig.cmake
                              INSTALL_DESTINATION ${DEFTNN_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/deftnnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/deftnnConfig.cmake ${CMAKE_BINARY_DIR}/deftnnConfigVersion.cmake
        DESTINATION ${DEFTNN_CMAKE_DIR})
