/* Data sets: the files of a folder as the tensors that the compiled program takes, and what it is to make. */
#ifndef LPC_LIB_CHECK_DATA_H
#define LPC_LIB_CHECK_DATA_H

#include "frontend/frontend.h"
#include "lib/files/value_io.h"

typedef struct DataSet {
    const char *folder;
    const char *
        *in_names; /* of the program's inputs: elements of sequences have names of their own */
    HostTensor *in;
    int in_count;
    Bind *binds; /* lengths of sequences, whether optionals are there */
    int bind_count;
    HostValue *out; /* by output of the model */
    int in_files, out_count;
} DataSet;

/* input_K.pb and output_K.pb, of the kinds that the model says. */
int data_read(Arena *arena, Diag *diag, const char *folder, const ModelEnds *ends, DataSet *set);
/* Whether the same program fits. */
bool data_same_shapes(const DataSet *a, const DataSet *b);

#endif
