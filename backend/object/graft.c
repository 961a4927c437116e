/* Weights into a linked program: see graft.h. ELF64, little-endian. */
#include "backend/object/graft.h"

#include "backend/object/weights_object.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A page of any kernel that runs the program: read-only weights share none with data. */
enum { SEGMENT_ALIGN = 65536, MOST_HEADERS = 64, MOST_SECTIONS = 256 };

static const char RESERVED[] = ".lbss.lpc_weights", RESERVED_OUT[] = ".lbss";

/* ---- Reserving ---- */

enum { SEC_NULL, SEC_WEIGHTS, SEC_STACK, SEC_SYMTAB, SEC_STRTAB, SEC_SHSTRTAB, SEC_COUNT };

typedef struct Reserve {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SEC_COUNT];
    Elf64_Sym symbols[2];
} Reserve;

static void section(Reserve *r, Text *names, int which, const char *name, uint32_t type,
                    uint64_t size, uint64_t *at)
{
    r->sections[which] = (Elf64_Shdr){.sh_name = (uint32_t)names->length,
                                      .sh_type = type,
                                      .sh_offset = *at,
                                      .sh_size = size,
                                      .sh_addralign = 1};
    text_addn(names, name, strlen(name) + 1);
    if (type != SHT_NOBITS) *at += size;
}

static void lay_out(Reserve *r, uint64_t size, Text *strings, Text *names)
{
    uint64_t at = sizeof *r;
    bool large = r->header.e_machine == EM_X86_64;
    text_addn(names, "", 1);
    section(r, names, SEC_WEIGHTS, RESERVED, SHT_NOBITS, size, &at);
    r->sections[SEC_WEIGHTS].sh_flags = SHF_ALLOC | SHF_WRITE;
    if (large) r->sections[SEC_WEIGHTS].sh_flags |= 0x10000000; /* SHF_X86_64_LARGE */
    r->sections[SEC_WEIGHTS].sh_addralign = SEGMENT_ALIGN;
    section(r, names, SEC_STACK, ".note.GNU-stack", SHT_PROGBITS, 0, &at);
    section(r, names, SEC_STRTAB, ".strtab", SHT_STRTAB, strings->length, &at);
    section(r, names, SEC_SYMTAB, ".symtab", SHT_SYMTAB, sizeof r->symbols, &at);
    r->sections[SEC_SYMTAB].sh_offset = offsetof(Reserve, symbols);
    r->sections[SEC_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
    r->sections[SEC_SYMTAB].sh_link = SEC_STRTAB;
    r->sections[SEC_SYMTAB].sh_info = 1;
    r->sections[SEC_SYMTAB].sh_addralign = 8;
    r->sections[SEC_STRTAB].sh_offset = sizeof *r;
    section(r, names, SEC_SHSTRTAB, ".shstrtab", SHT_STRTAB, 0, &at);
    r->sections[SEC_SHSTRTAB].sh_offset = sizeof *r + strings->length;
    r->sections[SEC_SHSTRTAB].sh_size = names->length;
}

static bool write_reserve(const Reserve *r, const Text *strings, const Text *names,
                          const char *path)
{
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(r, sizeof *r, 1, file) == 1 &&
              fwrite(strings->data, 1, strings->length, file) == strings->length &&
              fwrite(names->data, 1, names->length, file) == names->length;
    if (file && fclose(file)) ok = false;
    return ok;
}

int graft_reserve(const Program *program, const char *triple, Diag *diag, const char *path)
{
    Reserve r = {0};
    uint64_t size;
    if (!weights_object_header(program, triple, &r.header, &size))
        return diag_error(diag, "target triple '%s': lpc links no weights for it", triple);
    Arena *arena = arena_new();
    Text strings, names;
    text_init(&strings, arena);
    text_init(&names, arena);
    r.header.e_shoff = offsetof(Reserve, sections);
    r.header.e_shnum = SEC_COUNT;
    r.header.e_shstrndx = SEC_SHSTRTAB;
    const char *symbol = arena_printf(arena, "%s_weights", program->name);
    text_addn(&strings, "", 1);
    text_addn(&strings, symbol, strlen(symbol) + 1);
    r.symbols[1] = (Elf64_Sym){.st_name = 1,
                               .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                               .st_other = STV_HIDDEN,
                               .st_shndx = SEC_WEIGHTS,
                               .st_size = size};
    lay_out(&r, size, &strings, &names);
    bool ok = write_reserve(&r, &strings, &names, path);
    arena_free(arena);
    return ok ? LPC_OK : diag_error(diag, "cannot write %s: %s", path, strerror(errno));
}

/* ---- Grafting ---- */

typedef struct Graft {
    FILE *file;
    Elf64_Ehdr header;
    Elf64_Phdr segments[MOST_HEADERS];
    Elf64_Shdr sections[MOST_SECTIONS];
    Elf64_Shdr *reserved;
} Graft;

static bool read_at(FILE *file, void *to, size_t size, uint64_t at)
{
    return !fseeko(file, (off_t)at, SEEK_SET) && fread(to, 1, size, file) == size;
}

static bool write_at(FILE *file, const void *from, size_t size, uint64_t at)
{
    return !fseeko(file, (off_t)at, SEEK_SET) && fwrite(from, 1, size, file) == size;
}

/* Headers and sections; false when this is no such file. */
static bool read_program(Graft *g)
{
    Elf64_Ehdr *h = &g->header;
    if (!read_at(g->file, h, sizeof *h, 0) || memcmp(h->e_ident, ELFMAG, SELFMAG)) return false;
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_phnum > MOST_HEADERS) return false;
    if (h->e_shnum > MOST_SECTIONS || h->e_shstrndx >= h->e_shnum) return false;
    if (!read_at(g->file, g->segments, h->e_phnum * sizeof *g->segments, h->e_phoff) ||
        !read_at(g->file, g->sections, h->e_shnum * sizeof *g->sections, h->e_shoff))
        return false;
    for (int i = 0; i < h->e_shnum; i++) {
        char name[sizeof RESERVED] = "";
        uint64_t at = g->sections[h->e_shstrndx].sh_offset + g->sections[i].sh_name;
        if (fseeko(g->file, (off_t)at, SEEK_SET) || !fread(name, 1, sizeof name - 1, g->file))
            continue;
        if (strcmp(name, RESERVED) && strcmp(name, RESERVED_OUT)) continue;
        if (g->sections[i].sh_type == SHT_NOBITS) g->reserved = &g->sections[i];
    }
    return g->reserved != NULL;
}

/* A segment of the reserved section alone gets the file's part at `offset` (GNU ld makes one for a
 * large section of x86-64). */
static bool fill_segment(Elf64_Phdr *segment, const Elf64_Shdr *reserved, uint64_t offset)
{
    if (segment->p_vaddr != reserved->sh_addr || segment->p_filesz) return false;
    if (segment->p_memsz != reserved->sh_size) return false;
    *segment = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_flags = PF_R,
                            .p_offset = offset,
                            .p_vaddr = reserved->sh_addr,
                            .p_paddr = reserved->sh_addr,
                            .p_filesz = reserved->sh_size,
                            .p_memsz = reserved->sh_size,
                            .p_align = SEGMENT_ALIGN};
    return true;
}

/* The last loaded segment, which ends with the reserved section, is cut there, and the rest becomes one
 * after it in the place of a note's header. */
static bool split_segment(Graft *g, int last, int note)
{
    Elf64_Phdr *s = g->segments;
    uint64_t from = g->reserved->sh_addr, to = from + g->reserved->sh_size;
    if (note < 0 || s[last].p_vaddr >= from || s[last].p_vaddr + s[last].p_filesz > from)
        return false;
    if (s[last].p_vaddr + s[last].p_memsz != to) return false;
    s[last].p_memsz = from - s[last].p_vaddr;
    if (note < last) {
        memmove(s + note, s + note + 1, (size_t)(last - note) * sizeof *s);
        s[last] = (Elf64_Phdr){.p_vaddr = from, .p_memsz = to - from};
        return true;
    }
    memmove(s + last + 2, s + last + 1, (size_t)(note - last - 1) * sizeof *s);
    s[last + 1] = (Elf64_Phdr){.p_vaddr = from, .p_memsz = to - from};
    return true;
}

static bool set_segments(Graft *g, uint64_t offset)
{
    int note = -1, last = -1;
    if (g->reserved->sh_addr % SEGMENT_ALIGN) return false;
    for (int i = 0; i < g->header.e_phnum; i++) {
        if (g->segments[i].p_type == PT_LOAD) last = i;
        if (g->segments[i].p_type == PT_NOTE) note = i;
    }
    if (last < 0) return false;
    if (!fill_segment(&g->segments[last], g->reserved, offset)) {
        if (!split_segment(g, last, note)) return false;
        if (note > last) last++;
        if (!fill_segment(&g->segments[last], g->reserved, offset)) return false;
    }
    g->reserved->sh_type = SHT_PROGBITS;
    g->reserved->sh_flags &= ~(uint64_t)SHF_WRITE;
    g->reserved->sh_offset = offset;
    return true;
}

static int graft(Graft *g, const Program *program, Diag *diag, const char *path, bool *done)
{
    const Elf64_Ehdr *h = &g->header;
    off_t end = fseeko(g->file, 0, SEEK_END) ? -1 : ftello(g->file);
    uint64_t at = ((uint64_t)end + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
    if (end < 0) return diag_error(diag, "cannot read %s: %s", path, strerror(errno));
    if (!read_program(g) || !set_segments(g, at)) return LPC_OK;
    TRY(weights_object_put(program, diag, path, g->file, at));
    if (!write_at(g->file, g->segments, h->e_phnum * sizeof *g->segments, h->e_phoff) ||
        !write_at(g->file, g->sections, h->e_shnum * sizeof *g->sections, h->e_shoff))
        return diag_error(diag, "cannot write %s: %s", path, strerror(errno));
    *done = true;
    return LPC_OK;
}

int graft_weights(const Program *program, Diag *diag, const char *path, bool *done)
{
    Graft g = {.file = fopen(path, "r+b")};
    *done = false;
    if (!g.file) return diag_error(diag, "cannot open %s: %s", path, strerror(errno));
    int code = graft(&g, program, diag, path, done);
    if (fclose(g.file) && !code)
        code = diag_error(diag, "cannot write %s: %s", path, strerror(errno));
    return code;
}
