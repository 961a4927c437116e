/* The weights object: its bytes, its place and its symbol as a linker and a program see them, and
 * what happens when a constant cannot be read or the disk is full. */
#define _POSIX_C_SOURCE 200809L
#include "tests/check.h"

#include "backend/object/weights_object.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG = 3 * 1024 * 1024 + 17 };

static uint8_t byte_at(int64_t at)
{
    return (uint8_t)((uint64_t)at * 2654435761u >> 11);
}

static int read_pattern(const ConstSource *source, int64_t at, void *to, size_t size)
{
    (void)source;
    for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = byte_at(at + (int64_t)i);
    return 0;
}

static int read_nothing(const ConstSource *source, int64_t at, void *to, size_t size)
{
    (void)source, (void)to;
    return at + (int64_t)size > 2000000; /* fails on the way */
}

static const ConstSource pattern = {.read = read_pattern}, broken = {.read = read_nothing};

static void constant(Program *p, const char *name, int64_t bytes, int64_t offset)
{
    Buffer *buffer = program_buffer(p, name, BUFFER_CONST, DT_U8, size_const(p->sizes, bytes));
    buffer->offset = offset;
    buffer->source = &pattern;
}

/* Out of order, with gaps and a shared place, and padding at the end. */
static Program *example(Arena *arena)
{
    Program *p = program_new(arena, sizes_new(arena), "model");
    constant(p, "last", 100, 4096 + BIG + 5);
    constant(p, "first", 10, 0);
    constant(p, "big", BIG, 4096);
    constant(p, "inside_big", 1000, 4096);
    p->const_bytes = 4096 + BIG + 200;
    return p;
}

static bool bytes_are_right(const uint8_t *data)
{
    for (int64_t i = 0; i < 4096 + BIG + 200; i++) {
        int64_t last = i - (4096 + BIG + 5);
        uint8_t expected = i < 10                        ? byte_at(i)
                           : i >= 4096 && i < 4096 + BIG ? byte_at(i - 4096)
                           : last >= 0 && last < 100     ? byte_at(last)
                                                         : 0;
        if (data[i] != expected) return false;
    }
    return true;
}

static void test_link(Arena *arena, const Program *p, const char *folder)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    char *object = arena_printf(arena, "%s/w.o", folder);
#if defined(__aarch64__)
    const char *triple = "aarch64-linux-gnu";
#elif defined(__riscv)
    const char *triple = "riscv64-linux-gnu";
#else
    const char *triple = "x86_64-linux-gnu";
#endif
    check(!weights_object_write(p, triple, &diag, object), "written");
    FILE *source = fopen(arena_printf(arena, "%s/get.c", folder), "w");
    if (!source) return;
    fputs("extern const unsigned char model_weights[];\n"
          "const unsigned char *get(void) { return model_weights; }\n",
          source);
    fclose(source);
    char *command = arena_printf(arena,
                                 "cc -shared -fPIC -Wl,--fatal-warnings -o %s/get.so "
                                 "%s/get.c %s",
                                 folder, folder, object);
    check(system(command) == 0, "links");
    void *library = dlopen(arena_printf(arena, "%s/get.so", folder), RTLD_NOW);
    check(library != NULL, "loads");
    if (!library) return;
    const uint8_t *(*get)(void);
    void *symbol = dlsym(library, "get");
    memcpy(&get, &symbol, sizeof get);
    check((uintptr_t)get() % 4096 == 0, "page-aligned");
    check(bytes_are_right(get()), "bytes");
    check(dlsym(library, "model_weights") == NULL, "not exported");
    dlclose(library);
}

static void test_headers(Arena *arena, const Program *p, const char *folder)
{
    static const struct {
        const char *triple;
        unsigned machine, flags;
    } kinds[] = {{"x86_64-linux-gnu", EM_X86_64, 0},
                 {"aarch64-linux-gnu", EM_AARCH64, 0},
                 {"aarch64-linux-android31", EM_AARCH64, 0},
                 {"riscv64-linux-gnu", EM_RISCV, 4}};
    char *path = arena_printf(arena, "%s/h.o", folder);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        Diag diag;
        diag_init(&diag, arena, "test");
        Elf64_Ehdr header = {.e_type = 0};
        bool ok = !weights_object_write(p, kinds[i].triple, &diag, path);
        FILE *file = fopen(path, "rb");
        ok = ok && file && fread(&header, sizeof header, 1, file) == 1;
        if (file) fclose(file);
        check(ok && !memcmp(header.e_ident, ELFMAG, 4) && header.e_machine == kinds[i].machine &&
                  header.e_flags == kinds[i].flags && header.e_type == ET_REL,
              kinds[i].triple);
    }
}

static void test_failures(Arena *arena, Program *p, const char *folder)
{
    Diag diag;
    diag_init(&diag, arena, "test");
    char *path = arena_printf(arena, "%s/f.o", folder);
    struct stat info;
    check(weights_object_write(p, "mips-linux", &diag, path) == LPC_ERROR && diag.count == 1,
          "unknown triple");
    char *nowhere = arena_printf(arena, "%s/none/f.o", folder);
    check(weights_object_write(p, "x86_64", &diag, nowhere) == LPC_ERROR && diag.count == 2,
          "no such folder");
    if (!access("/dev/full", W_OK))
        check(weights_object_write(p, "x86_64", &diag, "/dev/full") == LPC_ERROR &&
                  diag.count == 3 && !stat("/dev/full", &info),
              "disk full");
    int before = diag.count;
    p->buffers[2]->source = &broken;
    check(weights_object_write(p, "x86_64", &diag, path) == LPC_ERROR && diag.count == before + 1 &&
              strstr(diag.messages[before], "'big'") != NULL,
          "unreadable constant");
    check(stat(path, &info) != 0, "nothing half-written");
}

int main(void)
{
    Arena *arena = arena_new();
    char folder[] = "/tmp/lpc_object_XXXXXX";
    if (!mkdtemp(folder)) return 1;
    Program *p = example(arena);
    test_link(arena, p, folder);
    test_headers(arena, p, folder);
    test_failures(arena, p, folder);
    Program *empty = program_new(arena, sizes_new(arena), "empty");
    Diag diag;
    diag_init(&diag, arena, "test");
    check(!weights_object_write(empty, "x86_64", &diag, arena_printf(arena, "%s/e.o", folder)),
          "no weights");
    if (system(arena_printf(arena, "rm -rf %s", folder))) failures++;
    arena_free(arena);
    return failures != 0;
}
