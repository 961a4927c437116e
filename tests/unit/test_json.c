/* JSON files: each that lpc reads is read as it should be, and with one thing wrong is refused with
 * one message, which names the file, the place, the field and what was expected. */
#include "tests/check.h"

#include "ir/schema.h"
#include "lib/deploy/deploy.h"
#include "lib/profile/profile.h"
#include "passes/partition/planner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static char folder[] = "/tmp/lpc-test-json-XXXXXX";

/* ---- Files of lpc's: what reads them, a good one, and what makes it a bad one ---- */

/* An id with that last byte. */
#define ID(last) "\"00000000000000000000000000000000000000000000000000000000000000" last "\""

typedef struct Edit {
    const char *from, *to, *said; /* from: what is replaced; "": all */
} Edit;

typedef struct Kind {
    const char *name;
    int (*read)(Arena *arena, Diag *diag, const char *path);
    const char *good;
    Edit edits[40];
} Kind;

typedef struct Thing {
    const char *text, *line, *string, *maybe;
    bool flag;
    int whole, choice, word_count, in_object, from_list, from_map;
    int64_t large, size;
    double number, bytes;
    const char *const *words;
} Thing;

static int add_list(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    static const JsonField fields[] = {
        {"n", JSON_INT, true, offsetof(Thing, whole), 0, 0, 9, NULL, NULL, NULL}, JSON_OPEN};
    Thing one = {0}, *thing = to;
    (void)f;
    TRY(json_fields(r, json, fields, &one));
    thing->from_list += one.whole + r->index;
    return 0;
}

static int add_map(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)f, (void)json;
    ((Thing *)to)->from_map += (int)strlen(r->key);
    return 0;
}

static int is_even(JsonReader *r, const JsonField *f, const cJSON *json, void *to)
{
    (void)r, (void)f, (void)json;
    return ((Thing *)to)->whole % 2;
}

#define ROW(name, kind, field, least, most)                                                        \
    {name, kind, false, offsetof(Thing, field), 0, least, most, NULL, NULL, NULL}

static int read_thing(Arena *arena, Diag *diag, const char *path)
{
    static const JsonField colours[] = {JSON_WORD("red", 3), JSON_WORD("green", 5),
                                        JSON_WORD("blue", 7), JSON_END};
    static const JsonField inner[] = {ROW("x", JSON_INT, in_object, -5, 5), JSON_END};
    static const JsonField fields[] = {
        ROW("text", JSON_TEXT, text, 0, 0),
        ROW("line", JSON_LINE, line, 0, 0),
        ROW("string", JSON_STRING, string, 0, 0),
        ROW("maybe", JSON_MAYBE, maybe, 0, 0),
        ROW("flag", JSON_FLAG, flag, 0, 0),
        {"whole", JSON_INT, true, offsetof(Thing, whole), 0, -2, 2e9, NULL, NULL, is_even},
        ROW("large", JSON_INT64, large, 0, 0x1p53),
        ROW("number", JSON_NUMBER, number, 0.5, 1e300),
        ROW("bytes", JSON_BYTES, bytes, 1, 1e15),
        ROW("size", JSON_SIZE, size, 1000, 0x1p60),
        {"choice", JSON_CHOICE, false, offsetof(Thing, choice), 0, 0, 0, NULL, colours, NULL},
        {"words", JSON_WORDS, false, offsetof(Thing, words), offsetof(Thing, word_count), 1, 3,
         NULL, NULL, NULL},
        {"object", JSON_OBJECT, false, 0, 0, 0, 0, NULL, inner, NULL},
        JSON_EACH("list", JSON_LIST, false, 2, NULL, add_list),
        JSON_EACH("map", JSON_MAP, false, 0, NULL, add_map),
        JSON_KNOWN("known"),
        JSON_END};
    Thing t = {0};
    TRY(json_load(diag, arena, path, fields, &t));
    bool good = !strcmp(t.text, "t") && !strcmp(t.line, "l") && !*t.string && !t.maybe && t.flag &&
                t.whole == 4 && t.large == 9007199254740992 && t.number == 1e300 &&
                t.bytes == 2048 && t.size == 1000 && t.choice == 5 && t.word_count == 2 &&
                !strcmp(t.words[1], "b") && !t.words[2] && t.in_object == -5 && t.from_list == 4 &&
                t.from_map == 5;
    return good ? 0 : diag_error(diag, "read something else");
}

static int read_profile(Arena *arena, Diag *diag, const char *path)
{
    Profile *p;
    TRY(profile_read(diag, arena, path, &p));
    bool good = p->count == 2 && p->shared[0].layer_count == 2 && p->shared[0].layers[0] == 0 &&
                p->tensors[0].from == 0 && p->tensors[0].to == 2 && p->times[0].seconds[0] == 0.5 &&
                p->times[0].seconds[1] == -1 && p->footprints[0].steps[1] == 2 &&
                p->footprints[0].flops[1] == 4 && p->footprints[0].shared[0].layers[1] == 1 &&
                p->footprints[0].buffers[0].bytes == 8 && p->planned;
    return good ? 0 : diag_error(diag, "read something else");
}

static int read_cluster(Arena *arena, Diag *diag, const char *path)
{
    Cluster c;
    TRY(cluster_read(diag, arena, path, &c));
    bool good = c.count == 2 && c.link_count == 1 && c.links[0].to == 1 && c.devices[0].count == 2;
    return good ? 0 : diag_error(diag, "read something else");
}

static int read_plan(Arena *arena, Diag *diag, const char *path)
{
    Partition partition;
    Profile *profile;
    Cluster raw, cluster;
    TRY(profile_read(diag, arena, arena_printf(arena, "%s/profile.json", folder), &profile));
    TRY(cluster_read(diag, arena, arena_printf(arena, "%s/cluster.json", folder), &raw));
    TRY(cluster_expand(diag, arena, &raw, &cluster));
    TRY(plan_read(diag, arena, path, profile, &cluster, &partition));
    return partition.count == 2 && partition.end[0] == 1 ? 0 : diag_error(diag, "another plan");
}

/* The path's file as FOLDER/NAME/manifest.json. */
static const char *as_manifest(Arena *arena, const char *path, const char *name)
{
    const char *at = arena_printf(arena, "%s/%s", folder, name);
    const char *file = arena_printf(arena, "%s/manifest.json", at);
    mkdir(at, 0777);
    unlink(file);
    if (link(path, file)) failures++;
    return at;
}

static int read_package(Arena *arena, Diag *diag, const char *path)
{
    Package *p;
    TRY(package_load(&p, arena, diag, as_manifest(arena, path, "manifest")));
    bool good = p->symbol_count == 1 && p->symbol_max[0] == 64 &&
                p->symbol_sources[0] == SYM_STATE && p->stage_count == 1 && p->inputs.count == 1 &&
                p->outputs.count == 0 && p->inputs.tensors[0].rank == 2 &&
                p->inputs.contract.hash == 0x10 && p->build_id[31] == 0xff &&
                p->inputs.contract.id[31] == 0xe0 && p->outputs.contract.id[31] == 0xe1 &&
                p->stages[0].build_id[31] == 0xab && !p->stages[0].program &&
                !strcmp(p->stages[0].emulator[0], "qemu") && p->stages[0].predicted_send_s == -1 &&
                p->stages[0].layers == 3;
    return good ? 0 : diag_error(diag, "read something else");
}

/* A package of three stages. */
static const char *make_package(Arena *arena)
{
    const char *at = arena_printf(arena, "%s/three", folder);
    mkdir(at, 0777);
    FILE *file = fopen(arena_printf(arena, "%s/manifest.json", at), "w");
    if (!file) return at;
    fprintf(file,
            "{\"format\":1,\"model\":\"../m\",\"build_id\":\"%064d\",\"inputs\":[],\"outputs\":[],",
            0);
    fprintf(file,
            "\"stages\":[{\"name\":\"pc\"},{\"name\":\"pi\"},{\"name\":\"phone\"}],\"cuts\":[");
    for (int i = 0; i < 4; i++)
        fprintf(file, "%s{\"index\":%d,\"id\":\"%064d\",\"hash\":\"%016d\"}", i ? "," : "", i, i,
                i);
    fprintf(file, "]}");
    if (fclose(file)) failures++;
    return at;
}

static int read_hosts(Arena *arena, Diag *diag, const char *path)
{
    Deployment d;
    const char *package = make_package(arena);
    unlink(arena_printf(arena, "%s/deployed.json", package));
    TRY(deploy_open(&d, arena, diag, package, path));
    const DeployHost *pc = &d.stages[0].host, *pi = &d.stages[1].host, *phone = &d.stages[2].host;
    bool good = pc->local && !pc->ssh && pc->port == 7001 && pc->streams == 1 &&
                !strcmp(pc->folder, "./my models/pc") &&
                !strcmp(pi->folder, "./.local/share/lpc/_._m/pi") && pi->threads == 3 &&
                pi->streams == 4 && !strcmp(pi->ssh_options[1], "8022") &&
                !strcmp(phone->folder, "/data/phone") &&
                !strcmp(deploy_address(&d, 0), "127.0.0.1:7001") &&
                !strcmp(deploy_address(&d, 1), "pi.local:9") &&
                !strcmp(deploy_address(&d, 2), "[fe80::1]:7003");
    return good ? 0 : diag_error(diag, "%s: read something else", path);
}

/* What an earlier deployment chose counts as long as the hosts' file asks for the same port. */
static int read_deployed(Arena *arena, Diag *diag, const char *path)
{
    Deployment d;
    const char *package = make_package(arena),
               *hosts = arena_printf(arena, "%s/hosts.json", folder);
    const char *deployed = arena_printf(arena, "%s/deployed.json", package);
    unlink(deployed);
    if (link(path, deployed)) failures++;
    TRY(deploy_open(&d, arena, diag, package, hosts));
    bool good = d.stages[0].port == 7001 && d.stages[1].port == 11 && d.stages[2].port == 7003;
    return good ? 0 : diag_error(diag, "read something else");
}

/* It goes no further than the kind of machine: nothing is compiled. */
static int read_stage(Arena *arena, Diag *diag, const char *path)
{
    ProfileModule module;
    as_manifest(arena, path, "stage");
    TRY(profile_load(&module, arena, diag, folder, "stage", folder) != LPC_ERROR);
    bool good = diag->count == 1 && strstr(diag->messages[0], "is for toaster-none-elf");
    if (good) diag->count = 0;
    return good ? 0 : LPC_ERROR;
}

static const Kind kinds[] = {
    {"thing",
     read_thing,
     "{\"text\":\"t\",\"line\":\"l\",\"string\":\"\",\"maybe\":null,\"flag\":true,\"whole\":4,"
     "\"large\":9007199254740992,\"number\":1e300,\"bytes\":\"2KiB\",\"size\":1000,"
     "\"choice\":\"green\",\"words\":[\"a\",\"b\"],\"object\":{\"x\":-5},"
     "\"list\":[{\"n\":1},{\"n\":2,\"more\":0}],\"map\":{\"one\":1,\"\":2,\"it\":{}},\"known\":[]}",
     {{"", "[]", ": expected an object"},
      {"", "", "not JSON: line 1"},
      {"", "{\n\"whole\": NaN}", "not JSON: line 2"},
      {"", "{\"whole\": 1} x", "not JSON"},
      {"\"t\"", "\"\"", "field 'text': expected a text, got \"\""},
      {"\"t\"", "null", "field 'text': expected a text, got null"},
      {"\"l\"", "\"a\\nb\"", "field 'line': expected a text, got \"a\\nb\""},
      {"\"string\":\"\"", "\"string\":3", "field 'string': expected a text, got 3"},
      {"null", "7", "field 'maybe': expected a text or null, got 7"},
      {"true", "1", "field 'flag': expected true or false, got 1"},
      {"\"whole\":4", "\"whole\":3",
       "field 'whole': expected a whole number from -2 to 2000000000"},
      {"\"whole\":4", "\"whole\":-3", "field 'whole': expected a whole number from -2"},
      {"\"whole\":4", "\"whole\":1e99", "field 'whole': expected a whole number from -2"},
      {"\"whole\":4", "\"whole\":\"4\"", "field 'whole': expected a whole number from -2"},
      {"\"whole\":4,", "", "field 'whole' is missing: expected a whole number from -2"},
      {"\"whole\":4,", "\"whole\":4,\"whole\":4,", "field 'whole' is repeated"},
      {"9007199254740992", "9007199254740994", "field 'large': expected a whole number from 0"},
      {"9007199254740992", "1.5", "field 'large': expected a whole number from 0"},
      {"1e300", "1e999", "field 'number': expected a number from 0.5 to 1e+300"},
      {"1e300", "0", "field 'number': expected a number from 0.5 to 1e+300, got 0"},
      {"\"2KiB\"", "\"2 kilo\"", "field 'bytes': expected a size: bytes, or a text"},
      {"\"size\":1000", "\"size\":-1", "field 'size': expected a size: bytes, or a text"},
      {"\"size\":1000", "\"size\":3", "field 'size': expected a size from 1000 bytes to"},
      {"\"size\":1000", "\"size\":\"1e30\"", "field 'size': expected a size"},
      {"\"green\"", "\"grey\"", "field 'choice': expected red, green or blue, got \"grey\""},
      {"\"green\"", "3", "field 'choice': expected red, green or blue, got 3"},
      {"[\"a\",\"b\"]", "[]", "field 'words': expected a list of words, got []"},
      {"[\"a\",\"b\"]", "[\"a\",3]", "field 'words': expected a list of words, got [\"a\",3]"},
      {"-5", "6", "field 'object.x': expected a whole number from -5 to 5, got 6"},
      {"\"x\":-5", "\"y\":0", "unknown field 'object.y': expected one of x"},
      {"{\"x\":-5}", "3", "field 'object': expected an object, got 3"},
      {"{\"n\":1},", "", "field 'list': expected a list, got [{\"n\":2"},
      {"{\"n\":1}", "1", ": list[0]: expected an object"},
      {"{\"n\":2,", "{\"n\":true,", ": list[1]: field 'n': expected a whole number from 0 to 9"},
      {"{\"n\":2,", "{", ": list[1]: field 'n' is missing"},
      {"{\"one\":1,\"\":2,\"it\":{}}", "[1]", "field 'map': expected an object, got [1]"},
      {"\"known\"", "\"knwon\"", "unknown field 'knwon': expected one of text, line"}}},
    {"profile",
     read_profile,
     "{\"layers\":[{\"name\":\"a\",\"weights\":\"1KB\",\"flops\":1e9,\"tensors\":1,\"whole\":false}"
     ","
     "{\"name\":\"b\"}],\"planned\":true,"
     "\"shared\":[{\"name\":\"s\",\"bytes\":4,\"layers\":[\"b\",\"a\"]}],"
     "\"times\":[{\"target\":\"pc\",\"emulated\":false,\"seconds\":[0.5,null]}],"
     "\"footprints\":[{\"target\":\"pc\",\"weights\":[5,6],\"steps\":[1,2],\"flops\":[3,4],"
     "\"shared\":[{\"name\":\"f\",\"bytes\":9,\"layers\":[0,1]}],"
     "\"workspace\":[{\"bytes\":8,\"first\":0,\"last\":1,\"from\":0,\"to\":1}],\"slack\":7}],"
     "\"live\":[{\"name\":\"x\",\"bytes\":3,\"from\":\"a\"}]}",
     {{"\"1KB\"", "-1", "layer 'a': field 'weights': expected at most 2^60 bytes"},
      {"\"1KB\"", "1e30", "layer 'a': field 'weights': expected at most 2^60 bytes"},
      {"1e9", "1e999", "layer 'a': field 'flops': expected a number of 0 or more"},
      {"\"tensors\":1", "\"tensors\":1e12", "layer 'a': field 'tensors': expected a whole number"},
      {"\"whole\":false", "\"whole\":0", "layer 'a': field 'whole': expected true or false"},
      {"{\"name\":\"b\"}", "{\"flops\":1}", "layer #1: field 'name' is missing: expected a name"},
      {"{\"name\":\"b\"}", "\"b\"", "layer #1: expected an object"},
      {"true", "3", ".json: field 'planned': expected true or false, got 3"},
      {"[\"b\",\"a\"]", "[\"b\",\"c\"]", "shared weight 's': no layer is called 'c'"},
      {"[\"b\",\"a\"]", "[1]", "shared weight 's': field 'layers': expected a list of layers"},
      {"[0.5,null]", "[0.5]", "times 'pc': field 'seconds': expected a list of 2 numbers or null"},
      {"[0.5,null]", "[0.5,-1]", "times 'pc': field 'seconds': expected numbers from 0 to 1e+09"},
      {"[0.5,null]", "[0.5,\"1\"]", "times 'pc': field 'seconds': expected numbers from 0"},
      {"[0.5,null]", "{}", "times 'pc': field 'seconds': expected a list of 2 numbers"},
      {"[5,6]", "[5]", "footprint 'pc': field 'weights': expected a list of 2 whole numbers"},
      {"[5,6]", "[5,6.5]", "footprint 'pc': field 'weights': expected whole numbers from 0"},
      {"[5,6]", "[5,1e18]", "footprint 'pc': field 'weights': expected whole numbers from 0"},
      {"[1,2]", "[1,2e9]", "footprint 'pc': field 'steps': expected whole numbers from 0"},
      {"[3,4]", "[3,null]", "footprint 'pc': field 'flops': expected numbers from 0"},
      {"[3,4]", "[3,-4]", "footprint 'pc': field 'flops': expected numbers from 0"},
      {"[0,1]", "[-1]", "field 'layers': expected whole numbers from 0 to 1000000000, got -1"},
      {"[0,1]", "0", "footprint 'pc': shared[0]: field 'layers': expected a list of whole"},
      {"\"bytes\":8", "\"bytes\":null", "footprint 'pc': workspace[0]: field 'bytes': expected"},
      {"\"last\":1", "\"last\":5e9", "workspace[0]: field 'last': expected a whole number"},
      {"\"from\":\"a\"", "\"from\":0", "tensor 'x': field 'from': expected a layer, got 0"},
      {"\"from\":\"a\"", "\"to\":\"z\"", "tensor 'x': no layer is called 'z'"}}},
    {"cluster",
     read_cluster,
     "{\"name\":\"c\",\"devices\":[{\"name\":\"pc\",\"gflops\":5,\"memory\":\"1GB\",\"count\":2},"
     "{\"name\":\"pi\",\"target\":\"pi5\",\"gflops\":1,\"memory\":1000000,\"call_overhead\":1e-6,"
     "\"memory_bandwidth\":\"1GB\"}],"
     "\"links\":[{\"from\":\"pc\",\"to\":\"pi\",\"bandwidth\":1e6,\"latency\":1}],"
     "\"default_link\":{\"bandwidth\":\"1MB\"}}",
     {{"\"gflops\":5", "\"gflops\":\"5\"",
       "device 'pc': field 'gflops': expected a number above 0"},
      {"\"gflops\":5,", "", "device 'pc': field 'gflops' is missing"},
      {"\"1GB\"", "\"-1GB\"", "device 'pc': field 'memory': expected at most 2^60 bytes"},
      {"\"count\":2", "\"count\":2.5", "device 'pc': field 'count': expected a whole number"},
      {"\"count\":2", "\"count\":1e10", "device 'pc': field 'count': expected a whole number"},
      {"1e-6", "-1", "device 'pi': field 'call_overhead': expected seconds of 0 or more"},
      {"\"to\":\"pi\"", "\"to\":\"px\"", "link #0: no device is called 'px'"},
      {"1e6", "0", "link #0: field 'bandwidth': expected bytes per second, above 0"},
      {"\"1MB\"", "null", "default_link: field 'bandwidth': expected bytes per second"},
      {"\"default_link\"", "\"default\"", "unknown field 'default'"},
      {"\"links\":[", "\"links\":[7,", "link #0: expected an object"}}},
    {"plan",
     read_plan,
     "{\"objective\":\"latency\",\"stages\":[{\"device\":\"pc\",\"first\":\"a\",\"last\":\"a\","
     "\"layers\":[\"a\"]},{\"device\":\"pi\",\"first\":\"b\",\"last\":\"b\",\"layers\":1,"
     "\"compute_s\":2,\"weights\":3}],\"gap\":0}",
     {{"[\"a\"]", "[3]", "stage 1: field 'layers': expected a number of layers, or their names"},
      {"[\"a\"]", "\"a\"", "stage 1: field 'layers': expected a number of layers, or their names"},
      {"[\"a\"]", "-1", "stage 1: field 'layers': expected a number of layers, or their names"},
      {"[\"a\"]", "[\"c\"]", "stage 1: the model has no layer 'c'"},
      {"\"device\":\"pi\"", "\"device\":4", "stage 2: field 'device': expected a name, got 4"},
      {"\"first\":\"a\",", "", "stage 1: field 'first' is missing: expected a name"},
      {"\"weights\"", "\"wieghts\"", "stage 2: unknown field 'wieghts': expected one of device"},
      {"\"gap\"", "\"gip\"", "unknown field 'gip': expected one of stages"}}},
    {"package",
     read_package,
     "{\"format\":1,\"lpc\":\"x\",\"model\":\"m.onnx\",\"build_id\":" ID(
         "ff") ","
               "\"symbols\":[{\"name\":\"n\",\"max\":64,\"source\":\"state\"}],"
               "\"inputs\":[{\"name\":\"x\",\"id\":7,\"dtype\":\"f32\",\"dims\":[\"1\",\"2*n\"],"
               "\"max_bytes\":512}],\"outputs\":[],\"stages\":[{\"name\":\"s\",\"target\":\"pc\","
               "\"build_id\":" ID(
                   "ab") ","
                         "\"triple\":\"toaster-none-elf\",\"program\":null,\"emulator\":[\"qemu\"],"
                         "\"layers\":3,"
                         "\"predicted_compute_s\":1}],\"cuts\":[{\"index\":0,\"id\":" ID(
                             "e0") ",\"hash\":\"0000000000000010\"},"
                                   "{\"index\":1,\"id\":" ID(
                                       "e1") ",\"hash\":\"0000000000000011\",\"tensors\":[]}]}",
     {{"", "{\"format\"", "manifest/manifest.json: not JSON: line 1"},
      {"\"format\":1", "\"format\":2", "field 'format': expected 1, got 2"},
      {"\"format\":1,", "", "field 'format' is missing: expected 1"},
      {"ff\"", "fg\"", "field 'build_id': expected 64 hexadecimal digits"},
      {"\"m.onnx\"", "3", "field 'model': expected a text, got 3"},
      {"\"max\":64", "\"max\":-64", "symbols[0]: field 'max': expected a whole number from 0"},
      {"\"max\":64", "\"max\":1e19", "symbols[0]: field 'max': expected a whole number from 0"},
      {"\"state\"", "\"sate\"", "symbols[0]: field 'source': expected input, state or node"},
      {"\"source\":\"state\"}", "\"source\":\"state\"},{\"name\":\"n\",\"max\":1}",
       "symbols[1]: 'n' is repeated"},
      {"\"id\":7", "\"id\":4294967296", "inputs[0]: field 'id': expected a whole number from 0"},
      {"\"f32\"", "\"f33\"", "inputs[0]: field 'dtype': expected a type such as \"f32\""},
      {"\"2*n\"", "\"2*m\"", "inputs[0]: field 'dims[1]': expected a size of the symbols"},
      {"\"2*n\"", "2", "inputs[0]: field 'dims': expected a list of sizes"},
      {"\"max_bytes\":512", "\"max_bytes\":1e300",
       "inputs[0]: field 'max_bytes': expected a whole"},
      {"\"max_bytes\":512", "\"max\":512", "inputs[0]: field 'max_bytes' is missing"},
      {"\"outputs\":[],", "", "field 'outputs' is missing: expected a list of tensors"},
      {"\"outputs\":[]", "\"outputs\":[5]", "outputs[0]: expected an object"},
      {"\"name\":\"s\",", "", "stages[0]: field 'name' is missing: expected a text"},
      {"\"program\":null", "\"program\":[]", "stages[0]: field 'program': expected a text or null"},
      {"[\"qemu\"]", "[1]", "stages[0]: field 'emulator': expected a list of words"},
      {"\"layers\":3", "\"layers\":-3",
       "stages[0]: field 'layers': expected a whole number from 0"},
      {"\"predicted_compute_s\":1", "\"predicted_compute_s\":null",
       "stages[0]: field 'predicted_compute_s': expected a number from 0"},
      {"\"hash\":\"0000000000000010\"", "\"hash\":\"12\"",
       "cuts[0]: field 'hash': expected 16 hexadecimal digits"},
      {"\"index\":1", "\"index\":-1", "cuts[1]: field 'index': expected a whole number from 0"},
      {"e0\"", "e\"", "cuts[0]: field 'id': expected 64 hexadecimal digits"},
      {"\"build_id\":" ID("ab"), "\"build_id\":\"\"",
       "stages[0]: field 'build_id': expected 64 hexadecimal digits"},
      {",{\"index\":1,\"id\":" ID("e1") ",\"hash\":\"0000000000000011\",\"tensors\":[]}", "",
       "field 'cuts': expected 2 of them for 1 stages, got 1"}}},
    {"hosts",
     read_hosts,
     "{\"hosts\":{\"pc\":{\"local\":true,\"folder\":\"~/my models\"},"
     "\"pi\":{\"ssh\":\"me@pi.local\",\"ssh_options\":[\"-p\",\"8022\"],\"port\":9,\"threads\":3,"
     "\"streams\":4},"
     "\"phone\":{\"ssh\":\"phone\",\"address\":\"fe80::1\",\"folder\":\"/data\"}}}",
     {{"\"hosts\"", "\"host\"", "unknown field 'host': expected one of hosts"},
      {"", "{\"hosts\":{}}", "hosts: stage 'pc' of the package has no host"},
      {"\"pi\"", "\"pie\"",
       "hosts 'pie': the package has no such stage; there are 'pc', 'pi', 'phone'"},
      {"\"pi\":{", "\"pc\":{", "hosts 'pc' is repeated"},
      {"\"local\":true,", "", "hosts 'pc': expected either 'ssh' or 'local': true"},
      {"\"local\":true", "\"local\":true,\"ssh\":\"x\"",
       "hosts 'pc': expected either 'ssh' or 'local': true"},
      {"\"local\":true", "\"local\":true,\"ssh_options\":[]",
       "hosts 'pc': 'ssh_options' goes with 'ssh'"},
      {"\"local\":true", "\"local\":1", "hosts 'pc': field 'local': expected true or false, got 1"},
      {"\"ssh\":\"phone\",\"address\":\"fe80::1\"", "\"local\":true",
       "hosts 'phone': field 'address' is missing: stage 'pi' connects to it from another device"},
      {"\"me@pi.local\"", "\"-oProxyCommand=evil\"",
       "hosts 'pi': field 'ssh': expected USER@HOST (a port goes"},
      {"\"me@pi.local\"", "\"ssh://me@pi:22\"", "hosts 'pi': field 'ssh': expected USER@HOST"},
      {"\"me@pi.local\"", "\"me@pi\\nx\"", "hosts 'pi': field 'ssh': expected USER@HOST"},
      {"[\"-p\",\"8022\"]", "\"-p 8022\"",
       "hosts 'pi': field 'ssh_options': expected a list of words"},
      {"\"fe80::1\"", "\"a'b\"", "hosts 'phone': field 'address': expected the name or address"},
      {"\"port\":9", "\"port\":0",
       "hosts 'pi': field 'port': expected a whole number from 1 to 65535, got 0"},
      {"\"port\":9", "\"prot\":9",
       "hosts 'pi': unknown field 'prot': expected one of local, spare,"},
      {"\"threads\":3", "\"threads\":\"3\"",
       "hosts 'pi': field 'threads': expected a whole number from 1 to 256"},
      {"\"streams\":4", "\"streams\":65",
       "hosts 'pi': field 'streams': expected a whole number from 1 to 64"},
      {"\"/data\"", "\"\"", "hosts 'phone': field 'folder': expected a text"}}},
    {"deployed package",
     read_deployed,
     "{\"format\":1,\"stages\":{\"pc\":{\"asked\":8000,\"port\":8001},\"pi\":{\"asked\":9,\"port\":"
     "11}}}",
     {{"", "{", "deployed.json: not JSON"},
      {"\"asked\":9", "\"asked\":null", "stages 'pi': field 'asked': expected a whole number"},
      {"\"port\":11", "\"port\":-11",
       "stages 'pi': field 'port': expected a whole number from 1 to 65535"}}},
    {"stage manifest",
     read_stage,
     "{\"function\":\"m_run\",\"target\":\"pc\",\"triple\":\"toaster-none-elf\",\"profile\":true,"
     "\"kernels\":[{\"name\":\"k\",\"node\":\"\",\"op\":\"Relu\",\"flops\":1,\"bytes\":2}]}",
     {{"", "[", "stage/manifest.json: not JSON: line 1"},
      {"\"function\":\"m_run\",", "", "field 'function' is missing: expected a text"},
      {"\"profile\":true", "\"profile\":\"yes\"", "field 'profile': expected true or false"},
      {"\"profile\":true,", "", "was not compiled with --instrument"},
      {"\"name\":\"k\"", "\"name\":3", "kernels[0]: field 'name': expected a text, got 3"},
      {"\"flops\":1", "\"flops\":-1", "kernels[0]: field 'flops': expected a number from 0"},
      {"\"bytes\":2", "\"bytes\":1e999", "kernels[0]: field 'bytes': expected a number from 0"}}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *write_file(Arena *arena, const char *name, const char *text)
{
    const char *path = arena_printf(arena, "%s/%s.json", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file)) failures++;
    return path;
}

static const char *edited(Arena *arena, const char *good, const Edit *e)
{
    const char *at = strstr(good, e->from);
    if (!*e->from) return e->to;
    if (!at) return good; /* which is not refused */
    return arena_printf(arena, "%.*s%s%s", (int)(at - good), good, e->to, at + strlen(e->from));
}

/* said: NULL: the file is good. */
static void check_file(const Kind *kind, const char *name, const char *text, const char *said)
{
    Arena *arena = arena_new();
    Diag diag;
    diag_init(&diag, arena, NULL);
    const char *path = write_file(arena, name, text);
    int code = kind->read(arena, &diag, path);
    const char *message = diag.count ? diag.messages[0] : "(nothing)";
    bool manifest = strstr(kind->name, "age") != NULL; /* it is read under another name */
    bool named = manifest || strstr(message, path);
    if (said ? !code || diag.count != 1 || !strstr(message, said) || !named : code != 0) {
        printf("FAIL %s: %d messages, the first: %s\n     expected: %s\n     file: %s\n",
               kind->name, diag.count, message, said ? said : "(nothing)", text);
        failures++;
    }
    arena_free(arena);
}

int main(void)
{
    int edits = 0;
    if (!mkdtemp(folder)) return 99;
    for (int k = 0; k < KINDS; k++) check_file(&kinds[k], kinds[k].name, kinds[k].good, NULL);
    for (int k = 0; k < KINDS; k++) {
        Arena *arena = arena_new();
        for (const Edit *e = kinds[k].edits; e->from; e++, edits++)
            check_file(&kinds[k], "bad", edited(arena, kinds[k].good, e), e->said);
        arena_free(arena);
    }
    printf("%d files, %d ways to be wrong, %d failures\n", KINDS, edits, failures);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) || failures;
}
