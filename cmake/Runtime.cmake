# The runtime, twice: `lpcrt` for this build's own tests (with its sanitizers), and for every
# toolchain that is here one archive lib/lpc/TRIPLE/liblpcrt.a, which `lpc` links into the stage
# programs that it makes. Those are compiled with fixed flags, so that they are the same everywhere.
file(GLOB runtime_sources CONFIGURE_DEPENDS runtime/*.c)
file(GLOB runtime_headers CONFIGURE_DEPENDS runtime/*.h)
add_library(lpcrt STATIC ${runtime_sources})
target_include_directories(lpcrt PUBLIC ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR})
target_compile_options(lpcrt PRIVATE ${warnings})
target_link_libraries(lpcrt PUBLIC Threads::Threads m)

# Packages compile runtime/mpi themselves, by mpicc; this is for warnings and analysers.
find_package(MPI QUIET COMPONENTS C)
if(MPI_C_FOUND)
    file(GLOB mpi_sources CONFIGURE_DEPENDS runtime/mpi/*.c)
    add_library(lpcrt_mpi OBJECT ${mpi_sources})
    target_compile_options(lpcrt_mpi PRIVATE ${warnings})
    target_link_libraries(lpcrt_mpi PRIVATE lpcrt MPI::MPI_C)
endif()

add_custom_target(lpc_runtimes)  # all of them
function(lpc_runtime_archive triple cc ar)
    set(dir ${PROJECT_BINARY_DIR}/lib/lpc/${triple})
    set(objects)
    foreach(source ${runtime_sources})
        get_filename_component(name ${source} NAME_WE)
        set(object ${dir}/obj/${name}.o)
        add_custom_command(OUTPUT ${object}
            COMMAND ${cc} -std=c11 -O2 -g0 -Wall -Wextra -fPIC -ffunction-sections -fdata-sections
                    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=lpc -pthread
                    -I${PROJECT_SOURCE_DIR}/runtime -I${PROJECT_SOURCE_DIR} -c ${source} -o ${object}
            DEPENDS ${source} ${runtime_headers} VERBATIM)
        list(APPEND objects ${object})
    endforeach()
    file(MAKE_DIRECTORY ${dir}/obj)
    add_custom_command(OUTPUT ${dir}/liblpcrt.a
        COMMAND ${CMAKE_COMMAND} -E rm -f ${dir}/liblpcrt.a
        COMMAND ${ar} crD ${dir}/liblpcrt.a ${objects}
        DEPENDS ${objects} VERBATIM)
    add_custom_target(lpcrt-${triple} ALL DEPENDS ${dir}/liblpcrt.a)
    add_dependencies(lpc_runtimes lpcrt-${triple})
    install(FILES ${dir}/liblpcrt.a DESTINATION lib/lpc/${triple})
endfunction()

foreach(triple x86_64-linux-gnu aarch64-linux-gnu riscv64-linux-gnu)
    string(REGEX MATCH "^[^-]+" arch ${triple})
    string(TOUPPER ${arch} upper)
    find_program(LPC_CC_${upper} ${triple}-gcc)
    find_program(LPC_AR_${upper} ${triple}-ar)
    if(LPC_CC_${upper} AND LPC_AR_${upper})
        lpc_runtime_archive(${triple} ${LPC_CC_${upper}} ${LPC_AR_${upper}})
    elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL arch)
        lpc_runtime_archive(${triple} ${CMAKE_C_COMPILER} ${CMAKE_AR})
    else()
        message(STATUS "No ${triple}-gcc: stages for ${triple} will not be linked here")
    endif()
endforeach()
