#!/bin/bash
# What lpc makes does not depend on the compiler that built it: no expression of the folders that make
# code has two parts that each append, whose order C leaves open (evaluation_order.py says more). First
# the check itself, on small files that it must and must not report.
set -uo pipefail
check() { python3 "$LPC_SOURCE/tests/scripts/evaluation_order.py" "$@"; }
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
failed=0
expect() { # how many are found, in this function's body
    cat >"$tree/a.c" <<END
typedef Inst *Rule(Builder *b);
struct Table { Rule *rule; };
static Inst *twice(Builder *b, Inst *x) { return inst_new(b, x); }
static int count(const char *text) { return text[0] == '(' ? 1 : 2; } /* appends nothing: inst_new(b) */
static Inst *body(Builder *b, Inst *x, struct Table *t)
{
    $2
}
END
    local said
    said=$(check --loose "$tree")
    grep -q "; $1 found$" <<<"$said" && return
    printf 'wanted %s found in: %s\n%s\n' "$1" "$2" "$said"
    failed=1
}
expect 1 'return add(b, twice(b, x), twice(b, x));'
expect 1 'return add(b, t->rule(b), twice(b, x));'
expect 1 'return add(b, neg(twice(b, x)), x ? twice(b, x) : x);'
expect 1 'return add(b, (Pair){x, twice(b, x)}, twice(b, x));'
expect 1 'Inst *all[] = {twice(b, x), x, twice(b, x)}; return all[0];'
expect 1 'use((Inst *[]){twice(b, x), twice(b, x)}); return x;'
expect 1 'return twice(b, x)->id + twice(b, x)->id;'
expect 1 'x->list[twice(b, x)->id] = twice(b, x); return x;'
expect 1 'if (twice(b, x)->id < twice(b, x)->id) return x; return twice(b, x);'
expect 1 'return t->rules[0](twice(b, x), twice(b, x));'
expect 2 'return add(b, add(b, twice(b, x), twice(b, x)), twice(b, x));'
expect 0 'Inst *y = twice(b, x), *z = twice(b, x); return add(b, y, z);'
expect 0 'return add(b, twice(b, x), kb_i64(b, count("(\"")));'
expect 0 'return twice(b, x) && twice(b, x) ? twice(b, x) : twice(b, x);'
expect 0 'if (count("")) { twice(b, x); } else { twice(b, x); } return twice(b, x);'
expect 0 'for (x = twice(b, x); twice(b, x); x = twice(b, x)) twice(b, x); return x;'
expect 0 'return twice(b, twice(b, x));'
expect 0 'return add(b, sizeof(twice(b, x)), twice(b, x));'
cd "$LPC_SOURCE" || exit 1
check ir frontend passes backend || failed=1
exit $failed
