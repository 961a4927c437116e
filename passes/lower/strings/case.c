/* Strings in the other case. Characters of ASCII are changed by their bytes; of others the ranges of
 * unicode_case.c are searched. What is no UTF-8 stays as it is. */
#include "passes/lower/strings/case.h"
#include "passes/lower/strings/unicode_case.h"

typedef struct Mapping {
    Param *first, *last, *stride, *delta;
    int count;
} Mapping;

static Mapping mapping_of(Lower *lw, bool upper)
{
    const CaseRange *ranges = upper ? case_upper : case_lower;
    int count = upper ? case_upper_count : case_lower_count;
    int32_t *columns = arena_array(lw->arena, 4 * (size_t)count, sizeof *columns);
    for (int i = 0; i < count; i++) {
        columns[i] = ranges[i].first;
        columns[count + i] = ranges[i].last;
        columns[2 * count + i] = ranges[i].stride;
        columns[3 * count + i] = ranges[i].delta;
    }
    static const char *const names[] = {"case_first", "case_last", "case_stride", "case_delta"};
    Param *tables[4];
    for (int i = 0; i < 4; i++)
        tables[i] = str_table(lw, names[i], DT_I32, count, columns + i * count);
    return (Mapping){tables[0], tables[1], tables[2], tables[3], count};
}

static Inst *entry(Lower *lw, Param *table, Inst *i)
{
    return kb_cast(&lw->b, DT_I64, kb_load(&lw->b, table, i));
}

/* The character in the other case, or itself. */
static Inst *map_character(Lower *lw, const Mapping *m, Inst *c)
{
    Builder *b = &lw->b;
    Inst *at = kb_i64(b, 0);
    for (int count = m->count; count > 1; count -= count / 2) {
        Inst *middle = kb_addi(b, at, count / 2);
        Inst *reached = kb_op(b, LI_LE, entry(lw, m->first, middle), c);
        at = kb_select(b, reached, middle, at);
    }
    Inst *past = kb_sub(b, c, entry(lw, m->first, at));
    Inst *begun = kb_op(b, LI_GE, past, kb_i64(b, 0));
    Inst *inside = kb_op(b, LI_AND, begun, kb_op(b, LI_LE, c, entry(lw, m->last, at)));
    Inst *rest = kb_op(b, LI_REM, past, entry(lw, m->stride, at));
    Inst *hit = kb_op(b, LI_AND, inside, kb_op(b, LI_EQ, rest, kb_i64(b, 0)));
    return kb_add(b, c, kb_select(b, hit, entry(lw, m->delta, at), kb_i64(b, 0)));
}

/* ---- UTF-8 ---- */

typedef struct Change {
    Lower *lw;
    const Str *from, *to;
    Inst *length; /* of `from` */
    Cell *next;   /* where the next character begins */
    Cell *end;    /* of what has been written */
    Mapping mapping;
} Change;

static void put(Change *c, Inst *byte)
{
    Lower *lw = c->lw;
    Inst *at = kb_get(&lw->b, c->end);
    str_need(lw, c->to, kb_addi(&lw->b, at, 1));
    str_put(lw, c->to, at, byte);
    str_add(lw, c->end, kb_i64(&lw->b, 1));
}

static Inst *six_bits(Builder *b, Inst *c, int shift)
{
    Inst *bits = kb_op(b, LI_AND, kb_op(b, LI_SHR, c, kb_i64(b, shift)), kb_i64(b, 0x3f));
    return kb_op(b, LI_OR, bits, kb_i64(b, 0x80));
}

/* A character of `bytes` bytes. */
static void put_bytes(Change *change, Inst *c, int bytes)
{
    static const int heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    Builder *b = &change->lw->b;
    int shift = 6 * (bytes - 1);
    put(change, kb_op(b, LI_OR, kb_op(b, LI_SHR, c, kb_i64(b, shift)), kb_i64(b, heads[bytes])));
    while (shift > 0) put(change, six_bits(b, c, shift -= 6));
}

static void put_character(Change *change, Inst *c)
{
    static const int limits[] = {0, 0x80, 0x800, 0x10000};
    Builder *b = &change->lw->b;
    for (int bytes = 1; bytes < 4; bytes++) {
        kb_if(b, kb_op(b, LI_LT, c, kb_i64(b, limits[bytes])));
        put_bytes(change, c, bytes);
        kb_else(b);
    }
    put_bytes(change, c, 4);
    for (int bytes = 1; bytes < 4; bytes++) kb_end(b);
}

/* The character of `bytes` bytes at a place, if it is one: mapped, and *next behind it. */
static void change_longer(Change *change, Inst *at, Inst *first, int bytes)
{
    Lower *lw = change->lw;
    Builder *b = &lw->b;
    Inst *c = kb_op(b, LI_AND, first, kb_i64(b, 0x7f >> bytes)), *good = NULL;
    for (int i = 1; i < bytes; i++) {
        Inst *byte = str_byte(lw, change->from, kb_addi(b, at, i));
        Inst *high = kb_op(b, LI_AND, byte, kb_i64(b, 0xc0));
        Inst *follows = kb_op(b, LI_EQ, high, kb_i64(b, 0x80));
        good = good ? kb_op(b, LI_AND, good, follows) : follows;
        c = kb_muli(b, c, 64);
        c = kb_add(b, c, kb_op(b, LI_AND, byte, kb_i64(b, 0x3f)));
    }
    kb_if(b, good);
    put_character(change, map_character(lw, &change->mapping, c));
    kb_set(b, change->next, kb_addi(b, at, bytes));
    kb_else(b);
    put(change, first);
    kb_end(b);
}

/* Is the byte at least `first` and less than `end`? */
static Inst *is_within(Builder *b, Inst *byte, int first, int end)
{
    Inst *reached = kb_op(b, LI_GE, byte, kb_i64(b, first));
    return kb_op(b, LI_AND, reached, kb_op(b, LI_LT, byte, kb_i64(b, end)));
}

static void change_character(Change *change, Inst *at, Inst *byte, bool upper)
{
    static const int heads[] = {0, 0, 0xc2, 0xe0, 0xf0, 0xf5};
    Builder *b = &change->lw->b;
    int low = upper ? 'a' : 'A';
    Inst *letter = is_within(b, byte, low, low + 26);
    kb_if(b, kb_op(b, LI_LT, byte, kb_i64(b, 0x80)));
    put(change, kb_add(b, byte, kb_select(b, letter, kb_i64(b, upper ? -32 : 32), kb_i64(b, 0))));
    for (int bytes = 2; bytes <= 4; bytes++) {
        kb_else(b);
        Inst *head = is_within(b, byte, heads[bytes], heads[bytes + 1]);
        Inst *there = kb_op(b, LI_LE, kb_addi(b, at, bytes), change->length);
        kb_if(b, kb_op(b, LI_AND, head, there));
        change_longer(change, at, byte, bytes);
    }
    kb_else(b);
    put(change, byte);
    for (int bytes = 1; bytes <= 4; bytes++) kb_end(b);
}

void case_change(Lower *lw, const Str *to, const Str *from, bool upper)
{
    Builder *b = &lw->b;
    Change change = {.lw = lw, .from = from, .to = to, .length = str_length(lw, from)};
    change.next = str_cell(lw, "next", 0);
    change.end = str_cell(lw, "end", 0);
    change.mapping = mapping_of(lw, upper);
    Inst *at = kb_for(b, LOOP_SERIAL, kb_i64(b, 0), change.length, 1);
    kb_if(b, kb_op(b, LI_GE, at, kb_get(b, change.next)));
    kb_set(b, change.next, kb_addi(b, at, 1));
    change_character(&change, at, str_byte(lw, from, at), upper);
    kb_end(b);
    kb_end(b);
    str_finish(lw, to, kb_get(b, change.end));
}

/* ---- At compile time ---- */

static int32_t mapped(int32_t c, bool upper)
{
    const CaseRange *ranges = upper ? case_upper : case_lower;
    int count = upper ? case_upper_count : case_lower_count;
    if (c < 0x80) return upper ? c - 32 * (c >= 'a' && c <= 'z') : c + 32 * (c >= 'A' && c <= 'Z');
    for (int i = 0; i < count; i++) {
        const CaseRange *r = &ranges[i];
        if (c >= r->first && c <= r->last && (c - r->first) % r->stride == 0) return c + r->delta;
    }
    return c;
}

static size_t encode(int32_t c, char *to)
{
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int heads[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(heads[more] | c >> (6 * more));
    for (int i = 1; i <= more; i++) to[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
    return (size_t)more + 1;
}

Word case_word(Arena *arena, const char *text, bool upper)
{
    size_t length = strlen(text);
    const char *end = text + length;
    char *to = arena_alloc(arena, 2 * length + 4);
    Word word = {to, 0};
    while (text < end) {
        int32_t c = utf8_read(&text, end);
        if (c < 0)
            to[word.length++] = *text++;
        else
            word.length += encode(mapped(c, upper), to + word.length);
    }
    return word;
}
