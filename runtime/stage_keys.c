/* The keys of a stage, and its sessions of TLS. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "exposed.h"
#include "stage_parts.h"

#include <stdio.h>

enum { IN_LINE = 32 }; /* who has proved a key and waits, beside the links of the streams */

int lpc_stage_secure(LpcStage *stage, LpcError *error)
{
    const LpcStageOptions *options = stage->options;
    int code = lpc_keys_needed("--listen", options->listen, options->keys != NULL,
                               options->insecure, error);
    if (!code)
        code = lpc_keys_needed("--forward", options->forward, options->keys != NULL,
                               options->insecure, error);
    if (code || !options->keys) return code;
    code = lpc_keys_open(&stage->keys, options->keys, error);
    if (!code)
        code = lpc_tls_open(&stage->tls, &stage->keys,
                            2 * options->streams + LPC_PROVING_MOST + IN_LINE, error);
    return code;
}

void lpc_stage_keys_again(LpcStage *stage)
{
    char line[LPC_TEXT_BYTES];
    LpcError error = {0};
    if (lpc_keys_again(&stage->keys, &error))
        snprintf(line, sizeof line, "SIGHUP: %.200s; the keys stay as they were", error.text);
    else
        snprintf(line, sizeof line, "SIGHUP: the keys were read again");
    lpc_stage_tell(stage->model->name, line);
}

void lpc_stage_unsecure(LpcStage *stage)
{
    lpc_tls_close(stage->tls);
    lpc_keys_close(&stage->keys);
}
