/* Options: declared once, in the table of table.c, for whoever takes, lists or compares them.
 *
 *   table.c     every option: its name, its value, what it is for, who takes it, where it goes
 *   commands.c  the subcommands of lpc
 *   parse.c     values into the structs, whole command lines
 *
 * lpc's --help, its man page and the shells' completions are printed from the table (tools/lpc),
 * liblpc sets options by their names (lpc_set), and the build id contains those that reach an
 * output. The same name means the same in every subcommand. */
#ifndef LPC_LIB_OPTIONS_H
#define LPC_LIB_OPTIONS_H

#include "include/lpc/lpc.h"

#include "backend/backend.h"
#include "frontend/frontend.h"
#include "passes/partition/profile.h"

/* The subcommands, as bits of Option.commands; their order is that of `commands`. */
enum {
    FOR_COMPILE = 1 << 0,
    FOR_RUN = 1 << 1,
    FOR_CHECK = 1 << 2,
    FOR_INSPECT = 1 << 3,
    FOR_TARGETS = 1 << 4,
    FOR_PROFILE = 1 << 5,
    FOR_PLAN = 1 << 6,
    FOR_SIMULATE = 1 << 7,
    FOR_CALIBRATE = 1 << 8,
    FOR_DEPLOY = 1 << 9,
    FOR_STATUS = 1 << 10,
    FOR_LOGS = 1 << 11,
    FOR_STOP = 1 << 12,
    FOR_UNDEPLOY = 1 << 13,
    FOR_SERVE = 1 << 14,
    FOR_PACKAGES = 1 << 15,
    FOR_KEYS = 1 << 16,
    FOR_TOP = 1 << 17,
    COMMAND_COUNT = 18,
    FOR_COMPILING = FOR_COMPILE | FOR_CHECK | FOR_INSPECT | FOR_PROFILE | FOR_PLAN,
    FOR_DEPLOYED = FOR_DEPLOY | FOR_STATUS | FOR_LOGS | FOR_STOP | FOR_UNDEPLOY,
    FOR_ALL = (1 << COMMAND_COUNT) - 1,
};

/* What --help and lpc_commands tell of them. */
extern const lpc_command commands[COMMAND_COUNT];
/* How many words that are no options each of them takes; -1: any number. */
extern const int command_words[COMMAND_COUNT];

/* A file for an input. */
typedef struct Given {
    const char *name, *file;
} Given;

/* What decides how a model is compiled. Lists live in the arena of who filled them. */
typedef struct CompileOptions {
    const char *model;
    const char *out;
    const char *name;     /* of the function, the macros, the header; NULL: the file's */
    const char **targets; /* names; none: host */
    int target_count;
    bool at_most; /* the planner's stages may be fewer than targets: a model with fewer layers */
    const char **target_dirs;
    int target_dir_count;
    const char **cut_after;
    int cut_count;
    Bind *binds, *maxes;
    int bind_count, max_count;
    const char **states; /* IN=OUT */
    int state_count;
    Given *input_files; /* whose contents are fixed */
    int input_file_count;
    Given *custom_files; /* DOMAIN::OP and its file */
    int custom_count;
    struct Customs *customs; /* the same as a set, which all copies share; NULL: none */
    ConstInput *const_inputs;
    int const_input_count;
    InputShape *input_shapes;
    int input_shape_count;
    int64_t random_seed;
    const char *random_input;
    const Backend *backend; /* NULL: the first, or with portable the first that can be that */
    WeightsForm weights;
    bool portable, no_plan, profile, quiet, verbose, time_passes, no_link;
    bool mpi;               /* and the stages as ranks of an MPI job */
    bool temporary;         /* the package is removed as soon as it has been used */
    int nchwc_block;        /* 0: not given */
    int accuracy_level;     /* 0: not given */
    int threads;            /* 0: not given */
    int max_string;         /* bytes of the longest string; 0: not given */
    const char *tune_file;  /* measured tilings */
    bool tune, emulate;     /* measure what it lacks; through the emulator, too */
    const char *runner;     /* shell command that runs a program on the target */
    struct TuneFile *tuned; /* the file, once it is read */
    const char *plan_file;  /* a plan to obey, checked */
    bool planned;           /* the planner decides by `plan`, or checks plan_file */
    PlanOptions plan;
} CompileOptions;

/* Everything that a command line can say. */
typedef struct Options {
    CompileOptions compile; /* first */
    Arena *arena;
    const char **arguments; /* what is no option, in order */
    int argument_count;
    const char **given; /* by option of the table: its last value, "" for a flag; NULL: none */
    bool help, json;
    /* plan, simulate */
    const char *profile_file, *cluster_file, *split, *profile_out;
    bool compare, measure;
    int frames, tensor, pipeline;
    double tokens;
    /* run, profile */
    Given *inputs;
    int input_count;
    const char *output, *feedback_in, *feedback_out, *connect, *collect, *mpi;
    int64_t repeat; /* 0: not given */
    int64_t seed;
    double timeout; /* seconds; 0: not given */
    double retry, heartbeat;
    int rows;
    /* deploy and its kin, run */
    const char *hosts;
    const struct ServicesKind *write; /* NULL: not given */
    int lines;
    bool follow;
    /* check */
    bool evaluate, link, keep, each;
    int stages;
    double rtol, atol;
    /* calibrate */
    const char *target, *serve, *peer;
    bool quick, once;
    /* serve */
    const char *listen, *http;
    bool log_json;
    /* top */
    const char **stage_addresses;
    int stage_address_count;
    double interval; /* seconds */
    /* run, serve, deploy, keys */
    const char *keys, *key;
    bool insecure;
    int streams;
    /* serve-packages */
    int port; /* 0: not given */
} Options;

typedef enum OptionKind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *, not empty */
    OPTION_COUNT,  /* int, least to most */
    OPTION_LONG,   /* int64_t, least to most */
    OPTION_NUMBER, /* double, least to most */
    OPTION_TEXTS,  /* const char **, one more each time; its count is the int at `count` */
    OPTION_LIST,   /* the same, "a,b,c" adds three */
    OPTION_FILES,  /* Given *, NAME=FILE; likewise */
    OPTION_BINDS,  /* Bind *, NAME=N; likewise */
    OPTION_OTHER   /* by `set` alone */
} OptionKind;

/* Whether what lpc writes depends on it, and what of that. */
typedef enum OptionReach {
    REACH_NOTHING,
    REACH_MODEL, /* what is computed, by any stage: the ids of cuts have its value */
    REACH_FORM,  /* how stages compute that: their ids have its value */
    REACH_CUT, /* where the model is cut: stages' ids have what comes of it, the build id its value */
    REACH_CONTENT /* by what is in the files that it names, which is counted where they are read */
} OptionReach;

typedef struct Option Option;
struct Option {
    const char *name;  /* "--targets", "-o" */
    const char *value; /* for help: "T,..."; NULL: a flag; "[X]": may be left out */
    const char *help;  /* without a full stop */
    unsigned commands; /* who takes it */
    bool hidden;       /* taken, and not shown */
    OptionReach reach;
    OptionKind kind;
    size_t at, count; /* in Options */
    double least, most;
    const char *expected; /* for messages; NULL: made from kind */
    /* Takes the value, instead of or after the kind's way. Nonzero: it is wrong. */
    int (*set)(Options *options, const Option *option, const char *value);
};

extern const Option option_table[];
extern const int option_count;

/* Nothing given; parts of values live in the arena. */
void options_init(Options *options, Arena *arena);

/* The option of that name ("--bind", "bind") that one of the commands (bits) takes; NULL. */
const Option *option_find(const char *name, unsigned commands);
/* What is meant instead of a name that nobody takes: near it, and taken by the commands; NULL. */
const Option *option_guess(Arena *arena, const char *name, unsigned commands);

/* Gives an option its value (NULL for a flag). Wrong values are reported as
 * "--bind 'batch': expected NAME=N with N >= 0" and return LPC_USAGE. */
int option_set(Options *options, Diag *diag, const Option *option, const char *value);
/* Reads a command line; argv[at] is the first word. What is wrong is reported, once: LPC_USAGE. */
int options_parse(Options *options, Diag *diag, int command, int argc, char **argv, int at);

/* The options of that reach (model, form, cut) as text: equal for equal compilations, free of paths. */
void options_reaching(Text *text, const CompileOptions *options, OptionReach reach);

#endif
