/* See proto.h. */
#include "lib/files/proto.h"

#include "ir/diag.h"

int proto_varint(ProtoBytes *bytes, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (bytes->at == bytes->end) return LPC_ERROR;
        uint8_t byte = *bytes->at++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return LPC_OK;
    }
    return LPC_ERROR;
}

int proto_field(ProtoBytes *bytes, ProtoField *field)
{
    uint64_t key;
    if (proto_varint(bytes, &key) || key >> 3 == 0 || key >> 32) return LPC_ERROR;
    field->number = (uint32_t)(key >> 3);
    field->kind = (int)(key & 7);
    if (field->kind == 0) return proto_varint(bytes, &field->value);
    uint64_t length = field->kind == 1 ? 8 : field->kind == 5 ? 4 : 0;
    if (field->kind == 2)
        TRY(proto_varint(bytes, &length));
    else if (!length)
        return LPC_ERROR;
    if (length > (uint64_t)(bytes->end - bytes->at)) return LPC_ERROR;
    field->bytes = (ProtoBytes){bytes->at, bytes->at + length};
    bytes->at += length;
    return LPC_OK;
}
