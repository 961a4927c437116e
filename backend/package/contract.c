/* What two neighbours must agree on: the hash of a contract, and its largest frame. */
#include "backend/package/parts.h"

#include <xxhash.h>

void package_contract_text(PackJob *job, const PackContract *contract, Text *text)
{
    for (int i = 0; i < contract->count; i++) {
        const PackTensor *t = &contract->tensors[i];
        text_printf(text, "%u %s %s", t->id, t->name, dtype_name(t->dtype));
        for (int k = 0; k < t->rank; k++) {
            text_printf(text, " [%s]", size_text(job->sizes, t->dims[k]));
            if (t->order) text_printf(text, "@%d", t->order[k]);
        }
        text_add(text, "\n");
    }
    for (int i = 0; i < sizes_symbol_count(job->sizes); i++) {
        const Symbol *symbol = sizes_symbol_at(job->sizes, i);
        text_printf(text, "%s %lld\n", symbol->name, (long long)symbol->max);
    }
}

uint64_t package_contract_hash(PackJob *job, const PackContract *contract)
{
    Text text;
    text_init(&text, job->arena);
    package_contract_text(job, contract, &text);
    return XXH64(text.data, text.length, 0);
}

int64_t package_max_payload(PackJob *job, const PackContract *contract)
{
    int64_t at = 8 * (int64_t)sizes_symbol_count(job->sizes);
    for (int i = 0; i < contract->count; i++) {
        at = (at + 63) / 64 * 64;
        at += contract->tensors[i].max_bytes;
    }
    return at;
}
