# The ONNX schema, frontend/onnx.proto, compiled by protoc-c: frontend/onnx.pb-c.h and its code.
set(proto ${PROJECT_SOURCE_DIR}/frontend/onnx.proto)
set(gen ${PROJECT_BINARY_DIR}/gen)
if(NOT EXISTS ${proto})
    message(WARNING "frontend/onnx.proto is missing: built without it")
    add_library(lpc_onnx INTERFACE)
    return()
endif()
if(PROTOC AND PROTOC_GEN_C)
    set(protoc_command ${PROTOC} --plugin=protoc-gen-c=${PROTOC_GEN_C})
else()
    set(protoc_command ${PROTOC_C})
endif()
file(MAKE_DIRECTORY ${gen})
add_custom_command(
    OUTPUT ${gen}/frontend/onnx.pb-c.c ${gen}/frontend/onnx.pb-c.h
    COMMAND ${protoc_command} --proto_path=${PROJECT_SOURCE_DIR} --c_out=${gen} ${proto}
    DEPENDS ${proto} VERBATIM)
add_library(lpc_onnx STATIC ${gen}/frontend/onnx.pb-c.c)
target_include_directories(lpc_onnx SYSTEM PUBLIC ${gen} ${gen}/frontend)
target_link_libraries(lpc_onnx PUBLIC PkgConfig::PROTOBUF_C)
