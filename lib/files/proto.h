/* The protobuf wire format, field by field. */
#ifndef LPC_LIB_PROTO_H
#define LPC_LIB_PROTO_H

#include <stdint.h>

typedef struct ProtoBytes {
    const uint8_t *at, *end;
} ProtoBytes;

typedef struct ProtoField {
    uint32_t number;
    int kind; /* 0 varint, 1 eight bytes, 2 bytes, 5 four bytes */
    uint64_t value;
    ProtoBytes bytes;
} ProtoField;

/* Both move `bytes` behind what they read; nonzero when it is damaged. */
int proto_varint(ProtoBytes *bytes, uint64_t *value);
int proto_field(ProtoBytes *bytes, ProtoField *field);

#endif
