// What the benchmarks share: paths, processes, medians, tables.
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '../..');
const cache = path.join(root, '.cache/bench');
const lpc = process.env.LPC ?? path.join(root, 'build/bin/lpc');
const models = process.env.LPC_MODELS ?? path.join(root, '../shared/models');
const exported = ['mobilenet_v2', 'mobilenet_v3_small', 'squeezenet1_1', 'resnet18', 'resnet50'];

const run = (command, ...rest) => {
    const done = spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (done.error) throw done.error;
    if (done.status !== 0)
        throw new Error(`${path.basename(command)}: ${done.stderr.trim().split('\n').slice(-3).join(' ')}`);
    return done.stdout;
};
const median = (values) => {
    const v = [...values].sort((a, b) => a - b), n = v.length;
    return n % 2 ? v[n >> 1] : (v[n / 2 - 1] + v[n / 2]) / 2;
};
const geomean = (values) => Math.exp(values.reduce((s, v) => s + Math.log(v), 0) / values.length);
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const table = (...heads) => {
    row(...heads);
    console.log(`|${heads.map(() => '---').join('|')}|`);
};
const kib = (bytes) => (bytes / 1024).toFixed(1);
// A folder that is gone when the process ends.
const temporary = () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lpc-bench-'));
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
};
// Values of sizes that a model leaves open, where no data set says them.
const BINDS = {
    'kws-m-qdq': ['--bind', 'unk__68=1'],
    'stories260k-kv': ['--bind', 'batch=1', '--bind', 'seq=1', '--max', 'past=255'],
    'magika-v1': ['--bind', 'unk__122=1'],
};
// A name of the benchmarks, a name in shared/models, or a path.
const find = (name) => {
    if (name.endsWith('.onnx'))
        return { name: path.basename(name, '.onnx'), model: name, binds: [], data: null };
    if (exported.includes(name))
        return { name, model: path.join(cache, `${name}.onnx`), binds: [],
                 data: path.join(cache, name, 'test_data_set_0') };
    const folder = path.join(models, name);
    const sets = fs.existsSync(folder)
        ? fs.readdirSync(folder).filter((f) => f.startsWith('test_data_set_')).sort() : [];
    // A stateful model's last set has a past; others all have the same sizes or start with batch 1.
    const set = name.startsWith('stories') ? sets.at(-1) : sets[0];
    return { name, model: path.join(folder, 'model.onnx'), binds: BINDS[name] ?? [],
        data: set && path.join(folder, set) };
};
// Command lines: numbers of options, the rest are names. { options, names }
const parse = (known) => {
    const options = { ...known }, names = [], args = process.argv.slice(2);
    for (let i = 0; i < args.length; i++) {
        const key = args[i].replace(/^--/, '');
        if (!args[i].startsWith('--')) names.push(args[i]);
        else if (!(key in known)) {
            console.error(`${path.basename(process.argv[1])}: unknown option ${args[i]}; known: `
                + Object.keys(known).map((k) => `--${k}`).join(' '));
            process.exit(2);
        } else options[key] = known[key] === false ? true : Number(args[++i]);
    }
    return { options, names };
};
const stageFolder = (out) => {
    const { stages } = JSON.parse(fs.readFileSync(path.join(out, 'manifest.json'), 'utf8'));
    return path.join(out, stages[0].folder);
};
const manifestOf = (stage) => JSON.parse(fs.readFileSync(path.join(stage, 'manifest.json'), 'utf8'));
const machine = () => {
    const cpu = os.cpus();
    return `${cpu.length} x ${cpu[0].model.trim()}, load ${os.loadavg()[0].toFixed(1)}`;
};

module.exports = { execFileSync, fs, path, root, cache, lpc, models, exported, run, median, geomean,
    row, table, kib, temporary, find, parse, stageFolder, manifestOf, machine };
