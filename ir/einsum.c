/* See einsum.h. */
#include "ir/einsum.h"

#include <string.h>

int einsum_axis(const EinsumTerm *term, char letter)
{
    const char *at = memchr(term->letters, letter, (size_t)term->count);
    return at ? (int)(at - term->letters) : -1;
}

EinsumTerm einsum_terms(const Node *node, EinsumTerm *in)
{
    const char *c = node_string(node, "equation");
    for (int k = 0; k < node->in_count; k++) {
        size_t length = strcspn(c, ",-");
        in[k] = (EinsumTerm){c, (int)length};
        c += length + 1;
    }
    c += strcspn(c, ">") + 1;
    return (EinsumTerm){c, (int)strlen(c)};
}

static bool repeats(const EinsumTerm *term)
{
    for (int i = 0; i < term->count; i++) {
        if (einsum_axis(term, term->letters[i]) != i) return true;
    }
    return false;
}

/* The only letter that is not in the output must be in both inputs. */
static bool find_depth(EinsumProduct *p)
{
    const EinsumTerm *in[] = {&p->left, &p->right};
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < in[k]->count; i++) {
            char letter = in[k]->letters[i];
            if (einsum_axis(&p->out, letter) >= 0 || letter == p->depth) continue;
            if (p->depth || einsum_axis(in[1 - k], letter) < 0) return false;
            p->depth = letter;
        }
    }
    return p->depth != 0;
}

bool einsum_product(const Node *node, EinsumProduct *p)
{
    EinsumTerm in[2];
    if (node->in_count != 2) return false;
    *p = (EinsumProduct){.out = einsum_terms(node, in)};
    p->left = in[0];
    p->right = in[1];
    if (repeats(&p->left) || repeats(&p->right) || repeats(&p->out) || !find_depth(p)) return false;
    for (int i = 0; i < p->out.count; i++) {
        char letter = p->out.letters[i];
        bool left = einsum_axis(&p->left, letter) >= 0, right = einsum_axis(&p->right, letter) >= 0;
        char *alone = left && right ? NULL : left ? &p->row : &p->column;
        if ((!left && !right) || (alone && *alone)) return false;
        if (alone) *alone = letter;
    }
    return true;
}
