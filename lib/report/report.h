/* OUT/report.html: what was decided, to look at. One file that needs no network and no script, on a
 * phone as well as on a desk; the same package gives the same bytes.
 *
 *   report.c        the page: head, summary, the sections in order
 *   text.c          text, escaped; numbers
 *   memory.c        what each device holds, against its budget
 *   layers.c        the layers along the model, by stage
 *   timeline.c      a few frames through the pipeline
 *   cuts.c          what crosses from stage to stage
 *   alternatives.c  other plans for these devices
 *   style.c         the style sheet */
#ifndef LPC_LIB_REPORT_H
#define LPC_LIB_REPORT_H

#include "backend/package/package.h"
#include "passes/stage/stage.h"

/* Writes FOLDER/report.html. options: the plan's; NULL: the defaults. */
int report_write(const PackJob *job, Graph *graph, const Cut *cut, const PlanOptions *options,
                 const char *folder);

/* --- within lib/report --- */

enum { REPORT_COLOURS = 8 };

typedef struct Report {
    Arena *arena;
    Text out;
    const PackJob *job;
    Graph *graph;
    const Cut *cut;
    PlanOptions options;
} Report;

/* Text for HTML, attributes included: nothing in it can end a tag. */
const char *report_escape(Arena *arena, const char *text);
/* The number in the colour's class of a stage: "c0", "f0" ... */
int report_colour(int stage);
/* "2.53&nbsp;GFLOP" */
const char *report_flops(Arena *arena, double flops);
/* Per second, to three digits: "181,000&nbsp;/s" */
const char *report_rate(Arena *arena, double rate);

void report_memory(Report *report);
void report_layers(Report *report);
void report_timeline(Report *report);
void report_cuts(Report *report);
void report_alternatives(Report *report);
extern const char *const report_style[]; /* parts, NULL-terminated */

#endif
