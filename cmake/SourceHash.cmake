# gen/source_hash.c: a hash of lpc's own sources, which is part of every build id: two lpc that can emit
# different code never make stages that accept each other. Made again whenever a source changes.
#
# As a script (cmake -P) it reads LIST, a file with one path a line below ROOT, and writes OUT.
if(CMAKE_SCRIPT_MODE_FILE)
    file(STRINGS ${LIST} files)
    set(all "")
    foreach(file IN LISTS files)
        file(SHA256 ${ROOT}/${file} hash)
        string(APPEND all "${file} ${hash}\n")
    endforeach()
    string(SHA256 hash "${all}")
    file(WRITE ${OUT} "#include \"ir/version.h\"\n\nconst char source_hash[] = \"${hash}\";\n")
    return()
endif()

set(hashed_patterns)
foreach(folder ir frontend passes backend runtime lib)
    list(APPEND hashed_patterns ${folder}/*.c ${folder}/*.h ${folder}/*.def ${folder}/*.proto)
endforeach()
file(GLOB_RECURSE hashed_sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${hashed_patterns})
list(SORT hashed_sources)
string(REPLACE ";" "\n" hashed_list "${hashed_sources}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gen/hashed_sources.txt CONTENT "${hashed_list}\n" @ONLY)
list(TRANSFORM hashed_sources PREPEND ${PROJECT_SOURCE_DIR}/)
set(source_hash ${PROJECT_BINARY_DIR}/gen/source_hash.c)
add_custom_command(OUTPUT ${source_hash}
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}
            -DLIST=${PROJECT_BINARY_DIR}/gen/hashed_sources.txt -DOUT=${source_hash}
            -P ${PROJECT_SOURCE_DIR}/cmake/SourceHash.cmake
    DEPENDS ${hashed_sources} ${PROJECT_BINARY_DIR}/gen/hashed_sources.txt
            ${PROJECT_SOURCE_DIR}/cmake/SourceHash.cmake
    COMMENT "Hashing lpc's sources" VERBATIM)
