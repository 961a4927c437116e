/* A stage's folder becomes a shared object that is loaded here: the emitted code runs in this
 * process, without transport, as it would in a program of the user's own. */
#include "lib/profile/profile.h"

#include "backend/host/toolchain.h"

#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static ToolArgs compiler(Arena *arena, const Target *target)
{
    ToolArgs args = {.arena = arena};
    tool_args(&args, target->cc, target->cc_count);
    tool_arg(&args, "-std=c11");
    tool_arg(&args, "-O3");
    tool_arg(&args, "-fPIC");
    tool_arg(&args, "-w");
    return args;
}

/* runtime/profile.c with the ceilings, for this target's instructions. */
static int compile_marks(Arena *arena, Diag *diag, const Target *target, const char *runtime,
                         const char *object)
{
    ToolArgs args = compiler(arena, target);
    int bytes = target->vector_bits ? target->vector_bits / 8 : 16;
    tool_arg(&args, "-ffp-contract=fast");
    tool_arg(&args, "-DLPC_PROFILE_CEILINGS");
    tool_arg(&args, arena_printf(arena, "-DLPC_PROFILE_VECTOR_BYTES=%d", bytes));
    tool_arg(&args, arena_printf(arena, "-DLPC_PROFILE_ACCUMULATORS=%d",
                                 target->vector_registers > 16 ? 24 : 12));
    tool_args(&args, target->cflags, target->cflag_count);
    tool_arg(&args, "-c");
    tool_arg(&args, arena_printf(arena, "%s/profile.c", runtime));
    tool_arg(&args, "-o");
    tool_arg(&args, object);
    return tool_run(&args, diag);
}

/* The model's code, the descriptor, the weights and the marks in one object. */
static int link_module(Arena *arena, Diag *diag, const Target *target, const char *folder,
                       const char *runtime, const char *marks, const char *library)
{
    ToolArgs args = compiler(arena, target);
    const char *source = arena_printf(arena, "%s/model.c", folder);
    tool_arg(&args, "-fno-math-errno");
    tool_arg(&args, "-fno-trapping-math");
    tool_arg(&args, "-ffp-contract=off");
    tool_args(&args, target->cflags, target->cflag_count);
    tool_arg(&args, arena_printf(arena, "-I%s", folder));
    tool_arg(&args, arena_printf(arena, "-I%s", runtime));
    tool_arg(&args, "-shared");
    tool_arg(&args, access(source, R_OK) ? arena_printf(arena, "%s/model.o", folder) : source);
    tool_arg(&args, arena_printf(arena, "%s/stage.c", folder));
    tool_arg(&args, arena_printf(arena, "%s/weights.o", folder));
    tool_arg(&args, marks);
    tool_arg(&args, "-lm");
    tool_arg(&args, "-o");
    tool_arg(&args, library);
    return tool_run(&args, diag);
}

static cJSON *read_json(Arena *arena, Diag *diag, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        diag_error(diag, "cannot read '%s': %s", path, strerror(errno));
        return NULL;
    }
    Text text;
    char part[16384];
    text_init(&text, arena);
    for (size_t length; (length = fread(part, 1, sizeof part, file)) > 0;)
        text_addn(&text, part, length);
    fclose(file);
    cJSON *root = cJSON_ParseWithLength(text.data, text.length);
    if (!root) diag_error(diag, "'%s' is no manifest", path);
    return root;
}

static const char *text_of(Arena *arena, const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return arena_strdup(arena, text ? text : "");
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void read_kernels(ProfileModule *module, Arena *arena, const cJSON *root)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "kernels"), *item;
    module->kernels =
        arena_array(arena, (size_t)cJSON_GetArraySize(list) + 1, sizeof *module->kernels);
    cJSON_ArrayForEach(item, list)
    {
        module->kernels[module->kernel_count++] =
            (ProfileKernel){.name = text_of(arena, item, "name"),
                            .node = text_of(arena, item, "node"),
                            .op = text_of(arena, item, "op"),
                            .flops = number_of(item, "flops"),
                            .bytes = number_of(item, "bytes")};
    }
}

static int check_manifest(const ProfileModule *module, Diag *diag, const cJSON *root,
                          const char *triple)
{
    struct utsname machine;
    size_t length = strcspn(triple, "-");
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "profile")))
        return diag_error(
            diag,
            "stage '%s' was not compiled with --instrument: give the model, or compile "
            "it so",
            module->name);
    if (uname(&machine) || strlen(machine.machine) != length ||
        strncmp(machine.machine, triple, length) != 0)
        return diag_error(diag,
                          "stage '%s' is for %s: only this machine's own can be profiled here",
                          module->name, triple);
    return LPC_OK;
}

static int open_library(ProfileModule *module, Diag *diag, const char *path, const char *symbol)
{
    module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module->library) return diag_error(diag, "%s", dlerror());
    module->model = dlsym(module->library, symbol);
    module->table = dlsym(module->library, "lpc_profile");
    *(void **)&module->fma = dlsym(module->library, "lpc_profile_fma");
    *(void **)&module->read = dlsym(module->library, "lpc_profile_read");
    if (!module->model || !module->table || !module->fma || !module->read)
        return diag_error(diag, "stage '%s': its object lacks %s", module->name, symbol);
    return LPC_OK;
}

int profile_load(ProfileModule *module, Arena *arena, Diag *diag, const char *folder,
                 const char *name, const char *work)
{
    const char *stage = arena_printf(arena, "%s/%s", folder, name);
    const char *runtime = lpc_data_dir(arena, "runtime");
    const char *marks = arena_printf(arena, "%s/%s.marks.o", work, name);
    const char *library = arena_printf(arena, "%s/%s.so", work, name);
    *module = (ProfileModule){.name = name};
    if (!runtime) return diag_error(diag, "the runtime's sources are not installed beside lpc");
    cJSON *root = read_json(arena, diag, arena_printf(arena, "%s/manifest.json", stage));
    if (!root) return LPC_ERROR;
    const char *function = text_of(arena, root, "function");
    const char *triple = text_of(arena, root, "triple"), *target = text_of(arena, root, "target");
    int code = check_manifest(module, diag, root, triple);
    read_kernels(module, arena, root);
    cJSON_Delete(root);
    if (code) return code;
    Target *found;
    TRY(target_load(diag, arena, target, NULL, 0, &found));
    module->target = found;
    TRY(compile_marks(arena, diag, found, runtime, marks));
    TRY(link_module(arena, diag, found, stage, runtime, marks, library));
    size_t length = strlen(function) > 4 ? strlen(function) - 4 : 0; /* without "_run" */
    return open_library(module, diag, library,
                        arena_printf(arena, "%.*s_model", (int)length, function));
}
