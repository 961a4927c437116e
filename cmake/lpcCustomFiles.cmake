# A stage has the files of those operators of the user's own that it runs; what the others' would be is made
# here, so that a build may name all of them. DIR: the stage's folder; COUNT: files of operators.
set(names custom)
foreach(i RANGE 1 ${COUNT})
    list(APPEND names custom_${i})
endforeach()
foreach(name IN LISTS names)
    if(NOT EXISTS ${DIR}/${name}.c)
        file(WRITE ${DIR}/${name}.c "/* This stage runs none of these. */\ntypedef int lpc_no_custom;\n")
    endif()
endforeach()
