/* The table of machines (System V ABI's supplements; the registry of ELF's machine numbers). */
#include "ir/machine.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

enum {
    ARM_EABI5 = 0x05000000, /* EF_ARM_EABI_VER5 */
    RISCV_DOUBLE = 4,       /* EF_RISCV_FLOAT_ABI_DOUBLE: lp64d; 0 on 32 bit: ilp32 */
    POWER_ELFV2 = 2,        /* the ABI of ppc64le */
    LOONGARCH_LP64D = 0x43  /* with objects of version 1 */
};

/* A longer prefix stands before a shorter one that it begins with. */
static const Machine MACHINES[] = {
    {"x86_64", 64, false, EM_X86_64, 0},
    {"amd64", 64, false, EM_X86_64, 0},
    {"i386", 32, false, EM_386, 0},
    {"i486", 32, false, EM_386, 0},
    {"i586", 32, false, EM_386, 0},
    {"i686", 32, false, EM_386, 0},
    {"aarch64_be", 64, true, EM_AARCH64, 0},
    {"aarch64", 64, false, EM_AARCH64, 0},
    {"arm64", 64, false, EM_AARCH64, 0},
    {"armeb", 32, true, EM_ARM, ARM_EABI5},
    {"arm", 32, false, EM_ARM, ARM_EABI5},
    {"thumb", 32, false, EM_ARM, ARM_EABI5},
    {"riscv64", 64, false, EM_RISCV, RISCV_DOUBLE},
    {"riscv32", 32, false, EM_RISCV, 0},
    {"loongarch64", 64, false, EM_LOONGARCH, LOONGARCH_LP64D},
    {"powerpc64le", 64, false, EM_PPC64, POWER_ELFV2},
    {"ppc64le", 64, false, EM_PPC64, POWER_ELFV2},
    {"powerpc64", 64, true, 0, 0},
    {"ppc64", 64, true, 0, 0},
    {"powerpc", 32, true, 0, 0},
    {"ppc", 32, true, 0, 0},
    {"s390x", 64, true, EM_S390, 0},
    {"sparc64", 64, true, 0, 0},
    {"mips64el", 64, false, 0, 0}, /* its flags name the ABI and the level: C arrays are simpler */
    {"mips64", 64, true, 0, 0},
    {"mipsel", 32, false, 0, 0},
    {"mips", 32, true, 0, 0},
    {"xtensa", 32, false, EM_XTENSA, 0},
    {"wasm32", 32, false, 0, 0},
    {"wasm64", 64, false, 0, 0},
};

const Machine *machine_find(const char *triple)
{
    for (size_t i = 0; i < sizeof MACHINES / sizeof *MACHINES; i++) {
        if (!strncmp(triple, MACHINES[i].prefix, strlen(MACHINES[i].prefix))) return &MACHINES[i];
    }
    return NULL;
}

bool machine_is_here(const char *triple)
{
    struct utsname machine;
    size_t length = strcspn(triple, "-");
    return !uname(&machine) && strlen(machine.machine) == length &&
           !strncmp(machine.machine, triple, length);
}

int64_t machine_most_bytes(const char *triple)
{
    const Machine *machine = machine_find(triple);
    return machine && machine->address_bits == 32 ? INT32_MAX : INT64_MAX;
}

bool machine_has_elf(const char *triple)
{
    static const char *const others[] = {"windows", "mingw", "cygwin", "darwin", "macos", "ios"};
    const Machine *machine = machine_find(triple);
    if (!machine || !machine->elf || machine->big_endian) return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strstr(triple, others[i])) return false;
    }
    return true;
}
