/* Values into the structs, by the table; whole command lines. */
#include "lib/options/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- One value ---- */

static int wrong(Diag *diag, const Option *option, const char *value, const char *expected)
{
    diag_error(diag, "%s '%s': expected %s", option->name, value, expected);
    return LPC_USAGE;
}

static const char *expected_of(Arena *arena, const Option *option)
{
    if (option->expected) return option->expected;
    switch (option->kind) {
    case OPTION_COUNT:
    case OPTION_LONG:
        return arena_printf(arena, "a number from %.0f to %.0f", option->least, option->most);
    case OPTION_FILES: return "NAME=FILE";
    case OPTION_BINDS: return "NAME=N with N >= 0";
    default: return option->value ? option->value : "no value";
    }
}

static bool read_number(const Option *option, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= option->least && *value <= option->most &&
           (option->kind == OPTION_NUMBER || *value == floor(*value));
}

static void add_text(Options *o, const Option *option, const char *text)
{
    const char ***list = (const char ***)((char *)o + option->at);
    int *count = (int *)((char *)o + option->count);
    arena_push(o->arena, *list, *count) = text;
}

static bool add_file(Options *o, const Option *option, const char *value)
{
    Given **list = (Given **)((char *)o + option->at);
    int *count = (int *)((char *)o + option->count);
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1]) return false;
    Given given = {arena_strndup(o->arena, value, (size_t)(equals - value)), equals + 1};
    arena_push(o->arena, *list, *count) = given;
    return true;
}

static bool add_bind(Options *o, const Option *option, const char *value)
{
    Bind **list = (Bind **)((char *)o + option->at);
    int *count = (int *)((char *)o + option->count);
    const char *equals = strrchr(value, '=');
    char *end = NULL;
    errno = 0;
    long long number = equals && equals[1] ? strtoll(equals + 1, &end, 10) : -1;
    if (!equals || equals == value || *end || errno || number < 0) return false;
    Bind bind = {arena_strndup(o->arena, value, (size_t)(equals - value)), number};
    arena_push(o->arena, *list, *count) = bind;
    return true;
}

static void add_list(Options *o, const Option *option, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, ",");
        if (length) add_text(o, option, arena_strndup(o->arena, text, length));
        text += length;
        if (*text == ',') text++;
    }
}

/* The kind's way. Whether the value is good. */
static bool store(Options *o, const Option *option, const char *value)
{
    void *to = (char *)o + option->at;
    double number;
    switch (option->kind) {
    case OPTION_FLAG: *(bool *)to = true; return !value;
    case OPTION_TEXT: *(const char **)to = value; return *value;
    case OPTION_COUNT:
        if (!read_number(option, value, &number)) return false;
        *(int *)to = (int)number;
        return true;
    case OPTION_LONG:
        if (!read_number(option, value, &number)) return false;
        *(int64_t *)to = (int64_t)number;
        return true;
    case OPTION_NUMBER:
        if (!read_number(option, value, &number)) return false;
        *(double *)to = number;
        return true;
    case OPTION_TEXTS:
        if (option->expected && !strchr(value, '=')) return false;
        add_text(o, option, value);
        return true;
    case OPTION_LIST: add_list(o, option, value); return true;
    case OPTION_FILES: return add_file(o, option, value);
    case OPTION_BINDS: return add_bind(o, option, value);
    default: return true;
    }
}

int option_set(Options *o, Diag *diag, const Option *option, const char *value)
{
    if (!value && option->value && option->value[0] != '[')
        return wrong(diag, option, "", "a value");
    if (store(o, option, value) && !(option->set && option->set(o, option, value))) {
        o->given[option - option_table] = value ? value : "";
        return 0;
    }
    return wrong(diag, option, value ? value : "", expected_of(o->arena, option));
}

/* ---- Names ---- */

/* Is `name`, of that length, the option's, with or without its dashes? */
static bool is_named(const Option *option, const char *name, size_t length)
{
    const char *full = option->name, *bare = full + strspn(full, "-");
    return (strlen(full) == length && !strncmp(full, name, length)) ||
           (strlen(bare) == length && !strncmp(bare, name, length));
}

static const Option *find(const char *name, size_t length, unsigned takers)
{
    for (int i = 0; i < option_count; i++) {
        if ((option_table[i].commands & takers) && is_named(&option_table[i], name, length))
            return &option_table[i];
    }
    return NULL;
}

const Option *option_find(const char *name, unsigned takers)
{
    return find(name, strlen(name), takers);
}

/* Edits that make b of a: letters put in, left out, replaced. */
static int distance(Arena *arena, const char *a, const char *b)
{
    size_t columns = strlen(b);
    int *row = arena_array(arena, columns + 1, sizeof *row);
    for (size_t k = 0; k <= columns; k++) row[k] = (int)k;
    for (size_t i = 1; a[i - 1]; i++) {
        int before = row[0]++;
        for (size_t k = 1; k <= columns; k++) {
            int least = before + (a[i - 1] != b[k - 1]);
            if (row[k] + 1 < least) least = row[k] + 1;
            if (row[k - 1] + 1 < least) least = row[k - 1] + 1;
            before = row[k];
            row[k] = least;
        }
    }
    return row[columns];
}

const Option *option_guess(Arena *arena, const char *name, unsigned takers)
{
    const Option *best = NULL;
    size_t length = strcspn(name, "=");
    int least = length > 6 ? 4 : 3; /* so many edits are another word */
    const char *word = arena_strndup(arena, name, length < 64 ? length : 64);
    for (int i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        if (!(option->commands & takers) || option->hidden || strlen(option->name) < 3) continue;
        int edits = distance(arena, word, option->name);
        if (edits >= least) continue;
        least = edits;
        best = option;
    }
    return best;
}

/* ---- Command lines ---- */

static int unexpected(Options *o, Diag *diag, int command, const char *word)
{
    const char *name = commands[command].name;
    const char *space = *name ? " " : "";
    const Option *guess = word[0] == '-' ? option_guess(o->arena, word, 1u << command) : NULL;
    const Option *elsewhere = word[0] == '-' ? find(word, strcspn(word, "="), FOR_ALL) : NULL;
    if (elsewhere && !elsewhere->hidden && !guess) {
        int other = 0;
        while (!(elsewhere->commands >> other & 1)) other++;
        diag_error(diag, "unexpected argument '%s': an option of lpc %s (see lpc%s%s --help)", word,
                   *commands[other].name ? commands[other].name : "MODEL", space, name);
    } else if (guess) {
        diag_error(diag, "unexpected argument '%s': did you mean '%s'?", word, guess->name);
    } else {
        diag_error(diag, "unexpected argument '%s' (see lpc%s%s --help)", word, space, name);
    }
    return LPC_USAGE;
}

/* An option at argv[*at], which is moved past it and its value. */
static int parse_option(Options *o, Diag *diag, int command, int argc, char **argv, int *at)
{
    const char *word = argv[(*at)++], *equals = strchr(word, '=');
    size_t length = equals && word[1] == '-' ? (size_t)(equals - word) : strlen(word);
    const Option *option = find(word, length, 1u << command);
    if (!option) return unexpected(o, diag, command, word);
    if (word[length]) return option_set(o, diag, option, equals + 1);
    if (!option->value) return option_set(o, diag, option, NULL);
    bool maybe = option->value[0] == '[';
    if (*at >= argc || (maybe && argv[*at][0] == '-')) return option_set(o, diag, option, NULL);
    return option_set(o, diag, option, argv[(*at)++]);
}

int options_parse(Options *o, Diag *diag, int command, int argc, char **argv, int at)
{
    while (at < argc) {
        const char *word = argv[at];
        if (!strcmp(word, "-h") || !strcmp(word, "--help"))
            return option_set(o, diag, option_find("--help", 1u << command), NULL);
        if (word[0] == '-' && word[1]) {
            TRY(parse_option(o, diag, command, argc, argv, &at));
            continue;
        }
        if (o->argument_count == command_words[command]) return unexpected(o, diag, command, word);
        arena_push(o->arena, o->arguments, o->argument_count) = word;
        at++;
    }
    return 0;
}

/* ---- What reaches an output ---- */

static void reaching(Text *text, const char *options, const Option *option)
{
    const void *from = options + option->at;
    int count = option->count ? *(const int *)(options + option->count) : 0;
    text_printf(text, "%s", option->name);
    switch (option->kind) {
    case OPTION_FLAG: text_printf(text, " %d", *(const bool *)from); break;
    case OPTION_TEXT:
        text_printf(text, " %s", *(const char *const *)from ? *(const char *const *)from : "");
        break;
    case OPTION_COUNT: text_printf(text, " %d", *(const int *)from); break;
    case OPTION_LONG: text_printf(text, " %lld", (long long)*(const int64_t *)from); break;
    case OPTION_NUMBER: text_printf(text, " %.17g", *(const double *)from); break;
    case OPTION_TEXTS:
    case OPTION_LIST:
        for (int i = 0; i < count; i++)
            text_printf(text, " %s", (*(const char *const *const *)from)[i]);
        break;
    case OPTION_BINDS:
        for (int i = 0; i < count; i++) {
            const Bind *bind = &(*(const Bind *const *)from)[i];
            text_printf(text, " %s=%lld", bind->name, (long long)bind->value);
        }
        break;
    default: break;
    }
    text_add(text, "\n");
}

/* Those that no kind reads. */
static void others_reaching(Text *text, const CompileOptions *c, OptionReach reach)
{
    if (reach == REACH_MODEL)
        text_printf(text, "--nchwc-block %d\n--accuracy-level %d\n", c->nchwc_block,
                    c->accuracy_level);
    if (reach == REACH_FORM)
        text_printf(text, "--emit %s\n--weights %d\n", c->backend ? c->backend->name : "",
                    (int)c->weights);
    if (reach == REACH_CUT)
        text_printf(text, "--objective %d\n--order %d\n", c->planned ? (int)c->plan.objective : -1,
                    c->planned && c->plan.free_order);
}

void options_reaching(Text *text, const CompileOptions *c, OptionReach reach)
{
    for (int i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        if (option->reach == reach && !option->hidden && option->kind != OPTION_OTHER)
            reaching(text, (const char *)c, option); /* they lie in Options' first member */
    }
    others_reaching(text, c, reach);
}
