# liblpc: everything that the command does, behind include/lpc/lpc.h (docs/library.md). A shared library,
# which shows nothing else of what is in it; the command has the same objects inside.
file(GLOB api_sources CONFIGURE_DEPENDS lib/api/*.c)
add_library(lpc_api OBJECT ${api_sources})
target_include_directories(lpc_api PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_options(lpc_api PRIVATE ${warnings} -fvisibility=hidden)
target_link_libraries(lpc_api PRIVATE lpc_core)
set_target_properties(lpc_api PROPERTIES POSITION_INDEPENDENT_CODE ON)
add_library(liblpc SHARED $<TARGET_OBJECTS:lpc_api>)
target_include_directories(liblpc PRIVATE ${PROJECT_SOURCE_DIR} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_link_libraries(liblpc PRIVATE lpc_core)
set_target_properties(liblpc PROPERTIES OUTPUT_NAME lpc VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_link_options(liblpc PRIVATE -Wl,--exclude-libs,ALL)
install(TARGETS liblpc LIBRARY DESTINATION lib)
install(FILES include/lpc/lpc.h include/lpc/lpc_client.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lpc)
configure_file(cmake/lpc.pc.in ${PROJECT_BINARY_DIR}/lpc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lpc.pc DESTINATION lib/pkgconfig)
