/* `lpc calibrate`: a target file from measurements; figures of a link. */
#include "backend/host/output.h"
#include "lib/calibrate/calibrate.h"
#include "runtime/calibrate.h"
#include "tools/lpc/command.h"

#include <string.h>

/* To -o's file, or to standard output. */
static int put(Diag *diag, const char *out, const char *text)
{
    if (out) return output_write(diag, out, text, strlen(text));
    fputs(text, stdout);
    return fflush(stdout) ? diag_error(diag, "cannot write to standard output") : 0;
}

static int measure_link(const Options *o, Diag *diag)
{
    LpcError error = {0};
    LpcLinkFigures figures;
    if (o->serve) {
        if (!lpc_link_serve(o->serve, o->once, &error)) return 0;
        return diag_error(diag, "%s", error.text);
    }
    if (lpc_link_measure(o->peer, &figures, &error)) return diag_error(diag, "%s", error.text);
    return put(diag, o->compile.out,
               arena_printf(o->arena, "{\"bandwidth\": %.4g, \"latency\": %.3g}\n",
                            figures.bandwidth, figures.latency));
}

int command_calibrate(Options *o, Diag *diag)
{
    const char *text;
    Calibration calibration = {.compile = o->compile,
                               .target = o->target,
                               .out = o->compile.out,
                               .quick = o->quick,
                               .json = o->json};
    if (o->serve || o->peer) return measure_link(o, diag);
    TRY(calibrate(o->arena, diag, &calibration, &text));
    return text ? put(diag, o->compile.out, text) : 0;
}
