# lpc_add_model(NAME name MODEL model.onnx [TARGETS target...] [EMIT obj|c] [PORTABLE] [WEIGHTS elf|c]
#               [DATA file...] [TARGET_DIR dir...] [OPTIONS option...])
#
# A library target `name` with the model's function and its header, compiled by lpc when the build
# runs, and again when the model (or lpc, or a file of DATA, such as its external weights) changes.
#
#   NAME      the library, its header `<name.h>`, the function name_run and the macros NAME_...; also the
#             folder, ${CMAKE_CURRENT_BINARY_DIR}/name.lpc. A NAME that is no C identifier gives the
#             library and the header; the identifier made of it stands in the header
#   MODEL     the ONNX file, relative to the current source directory
#   TARGETS   as in `lpc --targets`. Without it, the machine that lpc runs on. With several, the
#             model is cut into one stage for each: the libraries are name_STAGE, where STAGE is the
#             target's name with `_` for what is no letter or digit, and `name` is an alias of the first
#   EMIT      obj (the default, neither with PORTABLE nor with WEIGHTS c) or c
#   PORTABLE  plain ISO C11 (implies EMIT c)
#   WEIGHTS   elf (the default): an object; c: arrays in C, for a compiler or linker that takes no ELF
#             (implies EMIT c). A compiler needs about 20 times their size in memory
#   TARGET_DIR  folders of your own target files
#   OPTIONS   handed to lpc as they are: --bind batch=1, --state past=present, --cut-after node...
#
# The library also holds the descriptor NAME_model (stage.c), which links in only when it is used.
# The header's folder is in the library's include path: `#include <name.h>`, with several stages
# <name_STAGE.h>. Two models of one name in one program are an error when it is built.
#
#   find_package(lpc REQUIRED)
#   lpc_add_model(NAME digits MODEL digits.onnx)
#   target_link_libraries(app PRIVATE digits)
function(lpc_add_model)
    cmake_parse_arguments(PARSE_ARGV 0 arg "PORTABLE" "NAME;MODEL;EMIT;WEIGHTS" "TARGETS;DATA;TARGET_DIR;OPTIONS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "lpc_add_model: unknown argument ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_NAME OR NOT arg_MODEL)
        message(FATAL_ERROR "lpc_add_model: NAME and MODEL are needed")
    endif()
    set(emit obj)
    if(arg_EMIT)
        set(emit ${arg_EMIT})
    elseif(arg_PORTABLE OR arg_WEIGHTS STREQUAL "c")
        set(emit c)
    endif()
    if(NOT emit MATCHES "^(obj|c)$")
        message(FATAL_ERROR "lpc_add_model: EMIT is obj or c, not ${emit}")
    endif()
    set(weights weights.o)
    if(arg_WEIGHTS STREQUAL "c")
        set(weights weights.c)
    elseif(arg_WEIGHTS AND NOT arg_WEIGHTS STREQUAL "elf")
        message(FATAL_ERROR "lpc_add_model: WEIGHTS is elf or c, not ${arg_WEIGHTS}")
    endif()
    if(emit STREQUAL "obj" AND arg_PORTABLE)
        message(FATAL_ERROR "lpc_add_model: PORTABLE needs EMIT c, which it has without EMIT")
    endif()
    if(emit STREQUAL "obj" AND weights STREQUAL "weights.c")
        message(FATAL_ERROR "lpc_add_model: WEIGHTS c needs EMIT c, which it has without EMIT")
    endif()
    get_filename_component(model ${arg_MODEL} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    set(data)
    foreach(file IN LISTS arg_DATA)
        get_filename_component(file ${file} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
        list(APPEND data ${file})
    endforeach()
    set(dirs)
    foreach(dir IN LISTS arg_TARGET_DIR)
        get_filename_component(dir ${dir} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
        list(APPEND dirs --target-dir ${dir})
    endforeach()
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}.lpc)
    set(command lpc::lpc ${model} -o ${out} --name ${arg_NAME} --emit ${emit} --no-link)
    set(stages host)
    set(targets host)
    if(arg_TARGETS)
        set(targets ${arg_TARGETS})
        _lpc_stage_names(stages ${arg_TARGETS})
        string(REPLACE ";" "," list "${arg_TARGETS}")
        list(APPEND command --targets ${list})
    endif()
    if(arg_PORTABLE)
        list(APPEND command --portable)
    endif()
    if(weights STREQUAL "weights.c")
        list(APPEND command --weights c)
    endif()
    list(APPEND command ${dirs} ${arg_OPTIONS})

    set(outputs)
    set(join)
    foreach(stage IN LISTS stages)
        if(weights STREQUAL "weights.c")
            list(APPEND join COMMAND ${CMAKE_COMMAND} -DDIR=${out}/${stage}
                 -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/lpcJoinWeights.cmake)
        endif()
        if(emit STREQUAL "c")
            list(APPEND outputs ${out}/${stage}/model.c)
        else()
            list(APPEND outputs ${out}/${stage}/model.o)
        endif()
        list(APPEND outputs ${out}/${stage}/${weights} ${out}/${stage}/model.h ${out}/${stage}/stage.c)
    endforeach()
    add_custom_command(OUTPUT ${outputs}
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${out}
        COMMAND ${command}
        ${join}
        DEPENDS ${model} ${data} lpc::lpc
        COMMENT "Compiling ${arg_MODEL} with lpc"
        VERBATIM COMMAND_EXPAND_LISTS)
    add_custom_target(${arg_NAME}_lpc DEPENDS ${outputs})

    set(first)
    foreach(stage target IN ZIP_LISTS stages targets)
        string(MAKE_C_IDENTIFIER ${stage} suffix)
        set(library ${arg_NAME}_${suffix})
        list(LENGTH stages count)
        if(count EQUAL 1)
            set(library ${arg_NAME})
        endif()
        # Vector code is written for the target's vectors: the compiler must be told of them. And it
        # must not contract a*b+c on its own, which would change results.
        set(flags)
        if(emit STREQUAL "c")
            _lpc_target_cflags(flags ${target} ${dirs})
            list(APPEND flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off)
        endif()
        _lpc_stage_library(${library} ${out}/${stage} ${emit} ${weights} "${flags}")
        add_dependencies(${library} ${arg_NAME}_lpc)
        if(NOT first)
            set(first ${library})
        endif()
    endforeach()
    if(NOT TARGET ${arg_NAME})
        add_library(${arg_NAME} ALIAS ${first})
    endif()
endfunction()

# The folders of OUT: the targets' names, with -2, -3 and so on for those that come again.
function(_lpc_stage_names result)
    set(names)
    foreach(target IN LISTS ARGN)
        set(name ${target})
        set(n 1)
        while(name IN_LIST names)
            math(EXPR n "${n} + 1")
            set(name ${target}-${n})
        endwhile()
        list(APPEND names ${name})
    endforeach()
    set(${result} "${names}" PARENT_SCOPE)
endfunction()

# One stage's static library, of the folder `dir`.
function(_lpc_stage_library library dir emit weights flags)
    if(emit STREQUAL "c")
        set(code ${dir}/model.c)
        set_source_files_properties(${code} PROPERTIES GENERATED TRUE COMPILE_OPTIONS "${flags}")
    else()
        set(code ${dir}/model.o)
        set_source_files_properties(${code} PROPERTIES GENERATED TRUE EXTERNAL_OBJECT TRUE)
    endif()
    set_source_files_properties(${dir}/${weights} PROPERTIES GENERATED TRUE)
    if(weights STREQUAL "weights.o")
        set_source_files_properties(${dir}/weights.o PROPERTIES EXTERNAL_OBJECT TRUE)
    endif()
    set_source_files_properties(${dir}/model.h PROPERTIES GENERATED TRUE)
    set_source_files_properties(${dir}/stage.c PROPERTIES GENERATED TRUE)
    add_library(${library} STATIC ${code} ${dir}/${weights} ${dir}/stage.c ${dir}/model.h)
    set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C C_STANDARD 11 C_EXTENSIONS OFF)
    target_include_directories(${library} PUBLIC ${dir} ${dir}/.. ${LPC_INCLUDE_DIR})
    target_link_libraries(${library} PUBLIC m)
endfunction()

# The C compiler's flags for a target, as `lpc targets` tells them. ARGN: --target-dir options.
function(_lpc_target_cflags result name)
    execute_process(COMMAND ${LPC_EXECUTABLE} targets --json ${ARGN}
                    OUTPUT_VARIABLE json RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "${LPC_EXECUTABLE} targets failed")
    endif()
    string(JSON count LENGTH "${json}")
    math(EXPR last "${count} - 1")
    foreach(i RANGE ${last})
        string(JSON target GET "${json}" ${i} name)
        string(JSON aliases GET "${json}" ${i} aliases)
        if(NOT " ${target} ${aliases} " MATCHES " ${name} ")
            continue()
        endif()
        set(flags)
        string(JSON n LENGTH "${json}" ${i} cflags)
        set(k 0)
        while(k LESS n)
            string(JSON flag GET "${json}" ${i} cflags ${k})
            list(APPEND flags ${flag})
            math(EXPR k "${k} + 1")
        endwhile()
        set(${result} "${flags}" PARENT_SCOPE)
        return()
    endforeach()
    message(FATAL_ERROR "lpc_add_model: unknown target ${name}")
endfunction()
