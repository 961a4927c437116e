/* Writes ELF by hand, front to back: header, constants, symbols, names, section headers. All
 * sizes are known before the first byte, so nothing is patched and nothing is kept.
 * (System V ABI, "Object files"; the x86-64, AArch64 and RISC-V supplements for machine values.) */
#define _POSIX_C_SOURCE 200809L
#include "backend/object/weights_object.h"

#include "backend/host/output.h"
#include "ir/machine.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { CHUNK = 1 << 20, PAGE = 4096, DROP_EVERY = 32 << 20 };
#define LARGE_SECTION ((int64_t)1 << 30)

enum { SEC_NULL, SEC_WEIGHTS, SEC_STACK, SEC_SYMTAB, SEC_STRTAB, SEC_SHSTRTAB, SEC_COUNT };

#ifndef SHF_X86_64_LARGE
#define SHF_X86_64_LARGE 0x10000000
#endif

typedef struct Writer {
    FILE *file;
    const char *path;
    Diag *diag;
    uint64_t at;    /* bytes written */
    uint64_t end;   /* bytes that will have been */
    uint8_t *chunk; /* CHUNK bytes */
} Writer;

static int put(Writer *w, const void *data, size_t size)
{
    if (size && fwrite(data, 1, size, w->file) != size)
        return diag_error(w->diag, "cannot write %s: %s", w->path, strerror(errno));
    w->at += size;
    return LPC_OK;
}

static int put_zeros(Writer *w, uint64_t until)
{
    assert(until >= w->at);
    memset(w->chunk, 0, CHUNK);
    while (w->at < until) {
        uint64_t left = until - w->at;
        TRY(put(w, w->chunk, left < CHUNK ? (size_t)left : CHUNK));
    }
    return LPC_OK;
}

/* Pages of the model's file that have been read are dropped, so that lpc's memory does not grow with
 * the model; one that is needed again comes back from the file. */
static void drop_pages(const ConstSource *source)
{
    if (!source->mapped) return;
    uintptr_t from = (uintptr_t)source->mapped, to = from + source->mapped_bytes;
    from = from / PAGE * PAGE;
    madvise((void *)from, to - from, MADV_DONTNEED);
}

static int put_buffer(Writer *w, const Buffer *buffer)
{
    for (int64_t at = 0; at < buffer->max_bytes;) {
        int64_t left = buffer->max_bytes - at;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;
        if (buffer->source->read(buffer->source, at, w->chunk, size))
            return diag_error(w->diag, "cannot read constant '%s' at byte %" PRId64, buffer->name,
                              at);
        TRY(put(w, w->chunk, size));
        at += (int64_t)size;
        if (at % DROP_EVERY == 0) drop_pages(buffer->source);
        diag_progress(w->diag, "packing weights", (int64_t)w->at, (int64_t)w->end);
    }
    drop_pages(buffer->source);
    return LPC_OK;
}

static int by_offset(const void *a, const void *b)
{
    const Buffer *x = *(const Buffer *const *)a, *y = *(const Buffer *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->max_bytes != y->max_bytes) return x->max_bytes > y->max_bytes ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The constant buffers in order of offset, and the end of the last one. */
static const Buffer **constants(Arena *arena, const Program *program, int *count, int64_t *end)
{
    const Buffer **list = arena_array(arena, (size_t)program->buffer_count + 1, sizeof *list);
    *count = 0;
    *end = program->const_bytes;
    for (int i = 0; i < program->buffer_count; i++) {
        const Buffer *buffer = program->buffers[i];
        if (buffer->class != BUFFER_CONST) continue;
        assert(buffer->offset >= 0 && buffer->source && "constants are placed before");
        list[(*count)++] = buffer;
        if (buffer->offset + buffer->max_bytes > *end) *end = buffer->offset + buffer->max_bytes;
    }
    qsort(list, (size_t)*count, sizeof *list, by_offset);
    return list;
}

/* Buffers may share bytes: one that lies within what is written already is skipped. */
static int put_constants(Writer *w, const Buffer *const *list, int count, uint64_t start,
                         uint64_t size)
{
    for (int i = 0; i < count; i++) {
        uint64_t from = start + (uint64_t)list[i]->offset;
        if (from + (uint64_t)list[i]->max_bytes <= w->at) continue;
        if (from < w->at)
            return diag_error(w->diag, "constant '%s' overlaps another one", list[i]->name);
        TRY(put_zeros(w, from));
        TRY(put_buffer(w, list[i]));
    }
    return put_zeros(w, start + size);
}

static uint32_t add_name(Text *names, const char *name)
{
    uint32_t at = (uint32_t)names->length;
    text_addn(names, name, strlen(name) + 1);
    return at;
}

/* Where everything lies in the file. */
typedef struct Layout {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SEC_COUNT];
    Elf64_Sym symbols[2];
    Text strings, section_names;
} Layout;

static void lay_section(Layout *l, int which, const char *name, uint32_t type, uint64_t flags,
                        uint64_t align, uint64_t size, uint64_t *at)
{
    *at = (*at + align - 1) / align * align;
    l->sections[which] = (Elf64_Shdr){.sh_name = add_name(&l->section_names, name),
                                      .sh_type = type,
                                      .sh_flags = flags,
                                      .sh_offset = *at,
                                      .sh_size = size,
                                      .sh_addralign = align};
    *at += size;
}

static void lay_sections(Layout *l, const Machine *machine, uint64_t size, uint64_t *at)
{
    size_t symbol = machine->address_bits == 32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
    bool large = machine->elf == EM_X86_64 && size > (uint64_t)LARGE_SECTION;
    *at = PAGE;
    lay_section(l, SEC_WEIGHTS, large ? ".lrodata.lpc" : ".lpc_weights", SHT_PROGBITS,
                large ? SHF_ALLOC | SHF_X86_64_LARGE : SHF_ALLOC, PAGE, size, at);
    lay_section(l, SEC_STACK, ".note.GNU-stack", SHT_PROGBITS, 0, 1, 0, at);
    lay_section(l, SEC_SYMTAB, ".symtab", SHT_SYMTAB, 0, 8, 2 * symbol, at);
    l->sections[SEC_SYMTAB].sh_entsize = symbol;
    l->sections[SEC_SYMTAB].sh_link = SEC_STRTAB;
    l->sections[SEC_SYMTAB].sh_info = 1; /* the first symbol that is not local */
    lay_section(l, SEC_STRTAB, ".strtab", SHT_STRTAB, 0, 1, l->strings.length, at);
    lay_section(l, SEC_SHSTRTAB, ".shstrtab", SHT_STRTAB, 0, 1, 0, at);
    l->sections[SEC_SHSTRTAB].sh_size = l->section_names.length;
    *at += l->section_names.length;
    *at = (*at + 7) / 8 * 8;
}

static void lay_out(Layout *l, Arena *arena, const Machine *machine, const char *name,
                    uint64_t size)
{
    memset(l, 0, sizeof *l);
    text_init(&l->strings, arena);
    text_init(&l->section_names, arena);
    add_name(&l->strings, "");
    add_name(&l->section_names, "");
    l->symbols[1] =
        (Elf64_Sym){.st_name = add_name(&l->strings, arena_printf(arena, "%s_weights", name)),
                    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                    .st_other = STV_HIDDEN,
                    .st_shndx = SEC_WEIGHTS,
                    .st_size = size};
    uint64_t at;
    lay_sections(l, machine, size, &at);
    l->header = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                         machine->address_bits == 32 ? ELFCLASS32 : ELFCLASS64,
                                         ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE},
                             .e_type = ET_REL,
                             .e_machine = machine->elf,
                             .e_version = EV_CURRENT,
                             .e_shoff = at,
                             .e_flags = machine->elf_flags,
                             .e_ehsize = sizeof(Elf64_Ehdr),
                             .e_shentsize = sizeof(Elf64_Shdr),
                             .e_shnum = SEC_COUNT,
                             .e_shstrndx = SEC_SHSTRTAB};
}

/* The same in the narrower structs of 32 bit. */
static int put_header32(Writer *w, const Elf64_Ehdr *h)
{
    Elf32_Ehdr narrow = {.e_type = h->e_type,
                         .e_machine = h->e_machine,
                         .e_version = h->e_version,
                         .e_shoff = (Elf32_Off)h->e_shoff,
                         .e_flags = h->e_flags,
                         .e_ehsize = sizeof narrow,
                         .e_shentsize = sizeof(Elf32_Shdr),
                         .e_shnum = h->e_shnum,
                         .e_shstrndx = h->e_shstrndx};
    memcpy(narrow.e_ident, h->e_ident, sizeof narrow.e_ident);
    return put(w, &narrow, sizeof narrow);
}

static int put_symbols32(Writer *w, const Elf64_Sym symbols[2])
{
    Elf32_Sym narrow[2] = {{0}, {0}};
    for (int i = 0; i < 2; i++) {
        narrow[i] = (Elf32_Sym){.st_name = symbols[i].st_name,
                                .st_size = (Elf32_Word)symbols[i].st_size,
                                .st_info = symbols[i].st_info,
                                .st_other = symbols[i].st_other,
                                .st_shndx = symbols[i].st_shndx};
    }
    return put(w, narrow, sizeof narrow);
}

static int put_sections32(Writer *w, const Elf64_Shdr *sections)
{
    for (int i = 0; i < SEC_COUNT; i++) {
        const Elf64_Shdr *s = &sections[i];
        Elf32_Shdr narrow = {.sh_name = s->sh_name,
                             .sh_type = s->sh_type,
                             .sh_flags = (Elf32_Word)s->sh_flags,
                             .sh_offset = (Elf32_Off)s->sh_offset,
                             .sh_size = (Elf32_Word)s->sh_size,
                             .sh_link = s->sh_link,
                             .sh_info = s->sh_info,
                             .sh_addralign = (Elf32_Word)s->sh_addralign,
                             .sh_entsize = (Elf32_Word)s->sh_entsize};
        TRY(put(w, &narrow, sizeof narrow));
    }
    return LPC_OK;
}

static int put_object(Writer *w, const Layout *l, const Buffer *const *list, int count)
{
    const Elf64_Shdr *s = l->sections;
    bool narrow = l->header.e_ident[EI_CLASS] == ELFCLASS32;
    TRY(narrow ? put_header32(w, &l->header) : put(w, &l->header, sizeof l->header));
    TRY(put_zeros(w, s[SEC_WEIGHTS].sh_offset));
    TRY(put_constants(w, list, count, s[SEC_WEIGHTS].sh_offset, s[SEC_WEIGHTS].sh_size));
    TRY(put_zeros(w, s[SEC_SYMTAB].sh_offset));
    TRY(narrow ? put_symbols32(w, l->symbols) : put(w, l->symbols, sizeof l->symbols));
    TRY(put(w, l->strings.data, l->strings.length));
    TRY(put(w, l->section_names.data, l->section_names.length));
    TRY(put_zeros(w, l->header.e_shoff));
    return narrow ? put_sections32(w, s) : put(w, s, sizeof l->sections);
}

static int write_layout(Arena *arena, Diag *diag, const char *path, const Layout *l,
                        const Buffer *const *list, int count)
{
    FILE *file = fopen(path, "wb");
    if (!file) return diag_error(diag, "cannot write %s: %s", path, strerror(errno));
    Writer writer = {.file = file,
                     .path = path,
                     .diag = diag,
                     .end = l->header.e_shoff,
                     .chunk = arena_alloc(arena, CHUNK)};
    int code = put_object(&writer, l, list, count);
    if (fclose(file) && code == LPC_OK)
        code = diag_error(diag, "cannot write %s: %s", path, strerror(errno));
    if (code != LPC_OK) output_remove(path);
    return code;
}

int weights_object_write(const Program *program, const char *triple, Diag *diag, const char *path)
{
    const Machine *machine = machine_find(triple);
    if (!machine_has_elf(triple))
        return diag_error(diag,
                          "target triple '%s': lpc writes no object files for it (--emit c "
                          "--weights c needs none)",
                          triple);
    Arena *arena = arena_new();
    int count;
    int64_t size;
    const Buffer **list = constants(arena, program, &count, &size);
    assert(size <= machine_most_bytes(triple) && "stage_lower has refused it");
    Layout layout;
    lay_out(&layout, arena, machine, program->name, (uint64_t)size);
    int code = write_layout(arena, diag, path, &layout, list, count);
    arena_free(arena);
    return code;
}

bool weights_object_header(const Program *program, const char *triple, Elf64_Ehdr *header,
                           uint64_t *size)
{
    const Machine *machine = machine_find(triple);
    if (!machine_has_elf(triple) || machine->address_bits != 64) return false;
    Arena *arena = arena_new();
    int count;
    int64_t end;
    Layout layout;
    constants(arena, program, &count, &end);
    lay_out(&layout, arena, machine, program->name, (uint64_t)end);
    *header = layout.header;
    *size = (uint64_t)end;
    arena_free(arena);
    return true;
}

int weights_object_put(const Program *program, Diag *diag, const char *path, FILE *file,
                       uint64_t at)
{
    Arena *arena = arena_new();
    int count;
    int64_t size;
    const Buffer **list = constants(arena, program, &count, &size);
    Writer writer = {.file = file,
                     .path = path,
                     .diag = diag,
                     .at = at,
                     .end = at + (uint64_t)size,
                     .chunk = arena_alloc(arena, CHUNK)};
    int code = fseeko(file, (off_t)at, SEEK_SET)
                   ? diag_error(diag, "cannot write %s: %s", path, strerror(errno))
                   : put_constants(&writer, list, count, at, (uint64_t)size);
    arena_free(arena);
    return code;
}
