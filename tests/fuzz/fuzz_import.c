/* The importer on any bytes: one report per failure, no crash, no leak, and graphs that verify. */
#include "frontend/frontend.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const Bind binds[] = {{"batch", 2}};
    static const char *const states[] = {"past=present"};
    Arena *arena = arena_new();
    Diag diag;
    Graph *graph = NULL;
    diag_init(&diag, arena, "fuzz.onnx");
    ImportOptions options = {.binds = binds,
                             .bind_count = size % 2 ? 1 : 0,
                             .states = states,
                             .state_count = size % 4 == 3};
    int code = import_onnx_bytes(arena, &diag, bytes, size, "fuzz.onnx", &options, &graph);
    if ((code != LPC_OK) != (diag.count > 0) || (code == LPC_OK) != (graph != NULL)) abort();
    if (graph && (graph_sort(graph) || graph_verify(graph))) abort();
    arena_free(arena);
    return 0;
}
