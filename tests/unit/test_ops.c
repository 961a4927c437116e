/* The records of operators (ir/ops.def) are complete: what a record must say is said, and what one
 * column says agrees with the others. A forgotten entry fails here, by name. */
#include "passes/expand/expand.h"
#include "passes/graph/rules.h"
#include "passes/lower/rules.h"
#include "passes/shape/shape.h"
#include "passes/stage/views.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void expect(OpCode op, bool is_right, const char *what)
{
    if (is_right) return;
    printf("FAIL %s (OP_%s): %s\n", op_info(op)->name, op_info(op)->id, what);
    failures++;
}

/* lpc.Deleted stands for no operator, lpc.Values has its contents instead of inputs, and a loop's
 * ends are for the passes that know loops. */
static bool is_real(OpCode op)
{
    return op != OP_DELETED && op != OP_VALUES && op != OP_LOOP_ENTER && op != OP_LOOP_LEAVE &&
           op != OP_STRING_CHECK;
}

static void check_facts(OpCode op)
{
    const OpInfo *info = op_info(op);
    expect(op, info->id && info->name && info->name[0], "has no name");
    expect(op, op_find(info->name, strlen(info->name)) == op, "another operator has this name");
    expect(op, info->since >= 1, "since: the oldest opset is 1");
    expect(op, info->out_max >= 1 && info->out_min <= info->out_max, "OUT(min, max) is missing");
    expect(op, info->in_min <= info->in_max && (info->in_max >= 1 || !is_real(op)),
           "IN(min, max) is missing");
    bool is_internal = info->traits & T_INTERNAL;
    expect(op, is_internal == !strncmp(info->name, "lpc.", 4), "T_INTERNAL and lpc. go together");
}

/* One declaration "name:kind", then '!' or "=default". */
static bool is_attr(const char *text, size_t length)
{
    static const char *const kinds[] = {"i", "f", "s", "is", "fs", "ss", "t"};
    size_t name = 0;
    while (name < length && (isalnum((unsigned char)text[name]) || text[name] == '_')) name++;
    if (!name || name == length || text[name] != ':') return false;
    const char *kind = text + name + 1;
    size_t rest = length - name - 1, letters = 0;
    while (letters < rest && kind[letters] != '=' && kind[letters] != '!') letters++;
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known |= strlen(kinds[i]) == letters && !memcmp(kinds[i], kind, letters);
    if (!known) return false;
    if (letters == rest) return true;
    if (kind[letters] == '!') return letters + 1 == rest;
    return letters + 1 < rest && letters == 1; /* lists have no defaults */
}

static void check_attrs(OpCode op)
{
    const char *at = op_info(op)->attrs;
    while (at && *at) {
        size_t length = strcspn(at, " ");
        expect(op, is_attr(at, length), "ATTRS: expected \"name:kind=default name:kind! ...\"");
        at += length + (at[length] == ' ');
    }
}

/* Groups of words, no more than inputs; who takes strings has a group with them. */
static void check_types(OpCode op)
{
    const OpInfo *info = op_info(op);
    const char *types = info->types;
    int groups = 0;
    expect(op, (types == NULL) == ((info->traits & T_INTERNAL) != 0),
           "TYPES is missing, or internal");
    for (const char *at = types; at && *at; at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' '))
        groups++;
    if (!types) return;
    expect(op, groups >= 1 && groups <= info->in_max, "TYPES has more groups than IN inputs");
    if (info->traits & T_STRINGS)
        expect(op, strstr(types, "all") || strchr(types, 's'), "T_STRINGS, but no s in TYPES");
}

/* What is said of inputs and traits agrees with what else the record says. */
static void check_inputs_and_traits(OpCode op)
{
    const OpInfo *info = op_info(op);
    unsigned traits = info->traits;
    int inputs = info->in_max < 32 ? info->in_max : 31;
    expect(op, !(info->sizes >> inputs) && !(info->once >> inputs),
           "SIZES or ONCE names an input that IN has not");
    expect(op, !(info->sizes & info->once), "an input is in SIZES and in ONCE");
    expect(op, !((traits & T_ELEMENTWISE) && (traits & (T_INLINE | T_KEEPS_AXES | T_PER_TENSOR))),
           "T_ELEMENTWISE implies a trait that is given, too");
    expect(op, !(traits & T_INLINE) || (info->has_point && info->out_max == 1),
           "T_INLINE needs POINT and one output");
    expect(op, !(traits & T_PER_TENSOR) || (info->has_point && (info->once & 1u)),
           "T_PER_TENSOR needs POINT and ONCE(AT(0))");
    expect(op, !graph_rules[op].scales || info->in_max == 2 || info->in_max == 3,
           "SCALES needs inputs x, weights and maybe bias");
}

static void check_rules(OpCode op)
{
    const OpInfo *info = op_info(op);
    const LowerRules *lower = &lower_rules[op];
    expect(op, lower->op == op && shape_rules[op].op == op, "stands elsewhere in a table of rules");
    expect(op, shape_rules[op].shape || info->expands || !is_real(op),
           "SHAPE or EXPAND is missing");
    unsigned told =
        info->traits & ~(unsigned)(T_INTERNAL | T_QUANTISES | T_MAPS | T_STRINGS | T_COMPLEX);
    expect(op, !info->expands || !(shape_rules[op].shape || lower->lower || told),
           "EXPAND needs no other rule and no trait of what is computed");
    expect(op, info->expands == (expand_rules[op].expand != NULL), "EXPAND: a rule is missing");
    expect(op, info->has_gradient == (expand_rules[op].gradient != NULL),
           "GRADIENT: a rule is missing");
    expect(op, !info->has_gradient || info->out_min == 1, "GRADIENT needs an output");
    unsigned need = shape_rules[op].values_need;
    expect(op, need == ~0u || info->in_max >= 32 || !(need >> info->in_max),
           "VALUES names an input that IN has not");
    expect(op, lower->lower || info->expands || !is_real(op), "LOWER or EXPAND is missing");
    expect(op, !lower->rows || lower->lower, "ROWS needs LOWER");
    expect(op, info->has_point == (lower->point != NULL), "POINT: a rule is missing");
    expect(op, lower->lower != lower_point || lower->point, "LOWER(point) needs POINT");
    expect(op, !(info->traits & T_ELEMENTWISE) || lower->point, "T_ELEMENTWISE needs POINT");
    expect(op, info->is_view == (view_rules[op].view != NULL), "VIEW: a rule is missing");
    expect(op, !info->is_view || lower->point, "VIEW needs POINT for what no strides can say");
    expect(op, graph_rules[op].op == op && view_rules[op].op == op, "stands elsewhere in a table");
    expect(op, !(info->traits & T_RESHAPES) || info->is_view, "T_RESHAPES needs VIEW(row_major)");
}

int main(void)
{
    for (int op = 0; op < OP_COUNT; op++) {
        check_facts((OpCode)op);
        check_attrs((OpCode)op);
        check_types((OpCode)op);
        check_inputs_and_traits((OpCode)op);
        check_rules((OpCode)op);
    }
    if (!failures) printf("%d operators\n", OP_COUNT);
    return failures != 0;
}
