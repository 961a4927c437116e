/* A stage's folder becomes a shared object that is loaded here: the emitted code runs in this
 * process, without transport, as it would in a program of the user's own. */
#include "lib/profile/profile.h"

#include "backend/host/toolchain.h"
#include "ir/machine.h"
#include "ir/schema.h"

#include <dlfcn.h>
#include <string.h>
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
    TRY(tool_add_custom(&args, diag, folder));
    tool_arg(&args, arena_printf(arena, "%s/weights.o", folder));
    tool_arg(&args, marks);
    tool_arg(&args, "-lm");
    tool_arg(&args, "-o");
    tool_arg(&args, library);
    return tool_run(&args, diag);
}

/* What is read of a stage's manifest. */
typedef struct StageManifest {
    const char *function, *triple, *target;
    bool profile;
    ProfileKernel *kernels;
    int kernel_count;
} StageManifest;

#define TEXT(name, kind, type, field)                                                              \
    {name, kind, true, offsetof(type, field), 0, 0, 0, NULL, NULL, NULL}
#define COST(name, field)                                                                          \
    {name, JSON_NUMBER, true, offsetof(ProfileKernel, field), 0, 0, 1e300, NULL, NULL, NULL}

/* A kernel that no node asked for has neither node nor op. */
static const JsonField kernel_fields[] = {TEXT("name", JSON_TEXT, ProfileKernel, name),
                                          TEXT("node", JSON_STRING, ProfileKernel, node),
                                          TEXT("op", JSON_STRING, ProfileKernel, op),
                                          COST("flops", flops),
                                          COST("bytes", bytes),
                                          JSON_OPEN};

static int read_kernel(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    StageManifest *manifest = to;
    ProfileKernel kernel = {0};
    (void)f;
    TRY(json_fields(r, json, kernel_fields, &kernel));
    arena_push(r->arena, manifest->kernels, manifest->kernel_count) = kernel;
    return 0;
}

static const JsonField manifest_fields[] = {
    TEXT("function", JSON_TEXT, StageManifest, function),
    TEXT("triple", JSON_TEXT, StageManifest, triple),
    TEXT("target", JSON_TEXT, StageManifest, target),
    {"profile", JSON_FLAG, false, offsetof(StageManifest, profile), 0, 0, 0, NULL, NULL, NULL},
    JSON_EACH("kernels", JSON_LIST, true, 0, "a list of kernels", read_kernel),
    JSON_OPEN};

static int check_manifest(const StageManifest *manifest, Diag *diag, const char *name)
{
    if (!manifest->profile)
        return diag_error(
            diag,
            "stage '%s' was not compiled with --instrument: give the model, or compile "
            "it so",
            name);
    if (!machine_is_here(manifest->triple))
        return diag_error(diag,
                          "stage '%s' is for %s: only this machine's own can be profiled here",
                          name, manifest->triple);
    return LPC_OK;
}

static int read_manifest(StageManifest *manifest, Arena *arena, Diag *diag, const char *path,
                         const char *name)
{
    const char *before = diag->file;
    *manifest = (StageManifest){0};
    TRY(json_load(diag, arena, path, manifest_fields, manifest));
    diag->file = before;
    return check_manifest(manifest, diag, name);
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
    StageManifest m;
    TRY(read_manifest(&m, arena, diag, arena_printf(arena, "%s/manifest.json", stage), name));
    module->kernels = m.kernels;
    module->kernel_count = m.kernel_count;
    Target *found;
    TRY(target_load(diag, arena, m.target, NULL, 0, &found));
    module->target = found;
    TRY(compile_marks(arena, diag, found, runtime, marks));
    TRY(link_module(arena, diag, found, stage, runtime, marks, library));
    size_t length = strlen(m.function) > 4 ? strlen(m.function) - 4 : 0; /* without "_run" */
    return open_library(module, diag, library,
                        arena_printf(arena, "%.*s_model", (int)length, m.function));
}
