# lib/lpc/lpc-llvm.so: the LLVM backend, which lpc loads when it is first needed (backend/plugin/plugin.h).
# lpc_llvm_code: the same objects, for tests that call them.
if(NOT use_llvm)
    return()
endif()
target_compile_definitions(lpc_core PUBLIC LPC_LLVM)
file(GLOB llvm_sources CONFIGURE_DEPENDS backend/llvm/*.c)
add_library(lpc_llvm_code STATIC ${llvm_sources})
target_compile_options(lpc_llvm_code PRIVATE ${warnings} -fvisibility=hidden)
target_link_libraries(lpc_llvm_code PUBLIC lpc_core lpc_llvm)
add_library(lpc_llvm_module MODULE $<TARGET_OBJECTS:lpc_llvm_code>)
target_link_libraries(lpc_llvm_module PRIVATE lpc_core lpc_llvm)
target_link_options(lpc_llvm_module PRIVATE -Wl,--exclude-libs,ALL -Wl,--as-needed)
set_target_properties(lpc_llvm_module PROPERTIES PREFIX "" OUTPUT_NAME lpc-llvm
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/lpc)
install(TARGETS lpc_llvm_module LIBRARY DESTINATION lib/lpc)
