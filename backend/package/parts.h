/* The parts of a package, one file each; package.c puts them together. */
#ifndef LPC_BACKEND_PACKAGE_PARTS_H
#define LPC_BACKEND_PACKAGE_PARTS_H

#include "backend/package/package.h"

/* ---- names.c ---- */
/* A name of the model's without what could end a comment or a string. */
const char *package_harmless(PackJob *job, const char *text);

/* What the code needs of the processor, as target_needs has it; "" for plain C. */
const char *package_needs(PackJob *job, const PackStage *stage);

/* What computing a frame was predicted to take; 0: not known. */
uint64_t package_predicted_ns(const PackStage *stage);

/* ---- sizes.c ---- */
enum { PACKAGE_SIZE_KINDS = 8 };
/* A size as an expression; the functions it calls must stand above it: those of the kinds it uses. */
void package_size(Text *out, const Size *size);
void package_size_uses(const Size *size, bool *used);
void package_size_helpers(Text *out, const bool *used);

/* ---- custom.c ---- */
/* Users' own operators: their files, and custom.c, which calls their functions. Nothing where the stage has
 * none. */
int package_custom(PackJob *job, const PackStage *stage, const char *folder);
/* Its C files: custom.c, custom_1.c, ... */
int package_custom_files(PackJob *job, const PackStage *stage, const char ***names);

/* ---- ids.c ---- */
/* As hexadecimal digits; as numbers for an array in C. */
const char *package_id_text(PackJob *job, const uint8_t id[PACKAGE_ID_BYTES]);
void package_id_bytes(Text *text, const uint8_t id[PACKAGE_ID_BYTES]);

/* ---- contract.c ---- */
/* What crosses a cut: its tensors, and the symbols, whose values are in every frame. */
void package_contract_text(PackJob *job, const PackContract *contract, Text *text);
uint64_t package_contract_hash(PackJob *job, const PackContract *contract);
int64_t package_max_payload(PackJob *job, const PackContract *contract);

/* ---- source.c ---- */
int package_stage_source(PackJob *job, const PackStage *stage, int index, const char *folder);
/* The descriptor of both ends, for rank 0 of an MPI job. */
int package_ends_source(PackJob *job, const char *path);
int package_cmake(PackJob *job, const PackStage *stage, const char *folder);

/* ---- header.c ---- */
int package_header(PackJob *job, const PackStage *stage, const char *folder);

/* ---- program.c ---- */
/* True when the stage's program can be made here. */
bool package_can_link(const PackJob *job, const Target *target);
/* True when there are so many weights that they are written into the linked program only, not into
 * weights.o as well. */
bool package_weights_once(const PackJob *job, const PackStage *stage);
/* What is linked beside the weights: main first, then the model and users' own operators. */
typedef struct PackObjects {
    const char *program; /* the file that they make */
    const char **items;
    int count;
    bool grafted; /* the weights are put in afterwards */
} PackObjects;
/* Links the program by the target's linker. */
int package_link_program(PackJob *job, const PackStage *stage, const char *folder,
                         const PackObjects *objects);

/* ---- link.c ---- */
/* The stage's program, and where it is asked for the rank of an MPI job. */
int package_link(PackJob *job, const PackStage *stage, const char *folder);

/* ---- mpi.c ---- */
/* The stage as a rank of an MPI job, FOLDER/rank, from what its own program is made of. */
int package_rank(PackJob *job, const PackStage *stage, const char *folder,
                 const PackObjects *objects);
/* OUT/mpi: rank 0, and the files by which jobs start. */
int package_mpi(PackJob *job, const char *out);

/* ---- weights.c ---- */
/* ELF or C: what was asked for, or what the stage's target and the backend allow. */
WeightsForm package_weights(const PackJob *job, const PackStage *stage);
/* "weights.o", or "weights_1.c", "weights_2.c", ... */
int package_weights_files(const PackJob *job, const PackStage *stage);
const char *package_weights_file(const PackJob *job, const PackStage *stage, int index);
/* Writes them into the folder. */
int package_weights_write(PackJob *job, const PackStage *stage, const char *folder);

/* ---- client.c ---- */
int package_client(PackJob *job, const char *folder);

/* ---- manifest.c ---- */
int package_manifest(PackJob *job, const char *folder);

#endif
