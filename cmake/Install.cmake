# bin/lpc, bin/lpc-opt; share/lpc/{targets,runtime}; lib/lpc/TRIPLE (Runtime.cmake); the interface of
# emitted models in include/; the CMake package; the man page.
include(CMakePackageConfigHelpers)
install(DIRECTORY targets/ DESTINATION share/lpc/targets FILES_MATCHING PATTERN "*.json")
install(DIRECTORY runtime/ DESTINATION share/lpc/runtime
        FILES_MATCHING PATTERN "*.c" PATTERN "*.h")
file(GLOB public_headers CONFIGURE_DEPENDS runtime/lpc*.h)
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lpcConfigVersion.cmake
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES cmake/lpcConfig.cmake cmake/lpcAddModel.cmake cmake/lpcJoinWeights.cmake
        cmake/lpcCustomFiles.cmake
        ${PROJECT_BINARY_DIR}/lpcConfigVersion.cmake DESTINATION lib/cmake/lpc)
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/lpc.1)
    install(FILES docs/lpc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
if(NOT CMAKE_CROSSCOMPILING)
    set(shells ${PROJECT_BINARY_DIR}/share/lpc)
    install(FILES ${shells}/lpc.bash DESTINATION share/bash-completion/completions RENAME lpc)
    install(FILES ${shells}/lpc.zsh DESTINATION share/zsh/site-functions RENAME _lpc)
    install(FILES ${shells}/lpc.fish DESTINATION share/fish/vendor_completions.d)
endif()
