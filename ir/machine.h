/* Machines: what a triple's architecture decides, whoever makes the code. One row each. */
#ifndef LPC_IR_MACHINE_H
#define LPC_IR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Machine {
    const char *prefix; /* of the triple */
    int address_bits;   /* 32 or 64 */
    bool big_endian;
    uint16_t elf;       /* e_machine of its object files; 0: lpc writes none for it */
    uint32_t elf_flags; /* e_flags of a file with nothing but data */
} Machine;

/* The row of a triple's architecture; NULL: not known. */
const Machine *machine_find(const char *triple);
/* Whether the triple's architecture is this machine's own. */
bool machine_is_here(const char *triple);
/* Are the triple's objects ELF files that lpc writes: a known machine, little-endian, and a system that
 * uses ELF? */
bool machine_has_elf(const char *triple);
/* The most bytes that a program may hold and any of its objects have. With addresses of 32 bit that is
 * 2^31 - 1: C's differences of pointers end there, and some systems leave a program no more. */
int64_t machine_most_bytes(const char *triple);

#endif
