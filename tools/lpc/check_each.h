/* `lpc check --each FOLDER...`: many models, each with its data sets in its own folder. */
#ifndef LPC_TOOLS_CHECK_EACH_H
#define LPC_TOOLS_CHECK_EACH_H

/* FOLDER/model.onnx and FOLDER/test_data_set_*, in order of their names. */
typedef struct ModelFolder {
    char *model;
    char **sets;
    int set_count;
} ModelFolder;

/* Checks one of them; returns as `lpc check` exits. */
typedef int CheckFolder(void *self, const ModelFolder *folder);

/* Calls check for every folder in a process of its own, so that a model that crashes or never ends
 * (60 s, then it is killed) takes no other with it. Prints a line for each: "PASS FOLDER", or "FAIL
 * FOLDER: what went wrong". Returns 0, or LPC_MISMATCH when any failed. */
int check_each(const char *const *folders, int count, CheckFolder *check, void *self);

#endif
