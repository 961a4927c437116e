/* The file of measured tilings (docs/tuning.md). passes/lower/frame/tuning.h has the table that lowering
 * reads; lib/tune measures what the file lacks. */
#ifndef LPC_LIB_COMPILE_TUNINGS_H
#define LPC_LIB_COMPILE_TUNINGS_H

#include "ir/target.h"
#include "passes/lower/frame/lower.h"

/* The kernels of one target with one number of threads. */
typedef struct TuneTable {
    const char *target; /* tuning_target's text */
    int threads;
    Tuning tuning;
} TuneTable;

typedef struct TuneFile {
    Arena *arena;
    const char *path;
    TuneTable **tables;
    int count;
    int stale; /* tilings of another version of lowering, left out */
} TuneFile;

/* may_lack: a file that does not exist is an empty one. */
int tune_read(Arena *arena, Diag *diag, const char *path, bool may_lack, TuneFile **file);
/* A tiling as it stands in the file. */
const char *tune_tiling_text(Arena *arena, const Tiling *tiling);
/* All of it as text: one line a kernel, sorted, so that it can be committed and compared. */
const char *tune_text(const TuneFile *file);
/* Replaces the file as a whole or not at all. */
int tune_write(Diag *diag, const TuneFile *file);
/* The table for kernels lowered for this target, made when there is none. Tiles that its registers
 * do not hold are errors. */
int tune_table(TuneFile *file, Diag *diag, const LowerTarget *lower, const Target *target,
               int threads, Tuning **tuning);

#endif
