# embed_text(LIST FILE NAME): gen/NAME.c with the file's text as `const char NAME[]`, added to the sources in LIST.
#
# As a script (cmake -P) it reads FILE and writes OUT.
if(CMAKE_SCRIPT_MODE_FILE)
    file(READ ${FILE} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n"
        bytes "${bytes}")
    file(WRITE ${OUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
    return()
endif()

set(embed_text_script ${CMAKE_CURRENT_LIST_FILE})
function(embed_text list file name)
    set(out ${PROJECT_BINARY_DIR}/gen/${name}.c)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DFILE=${PROJECT_SOURCE_DIR}/${file} -DOUT=${out} -DNAME=${name}
                -P ${embed_text_script}
        DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${embed_text_script}
        COMMENT "Embedding ${file}" VERBATIM)
    set(${list} ${${list}} ${out} PARENT_SCOPE)
endfunction()
