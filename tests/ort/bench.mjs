// ONNX Runtime's time for a model, one thread: the figure that docs/benchmarks.md compares with.
//   node tests/ort/bench.mjs MODEL.onnx [REPEAT] [--json] [NAME=SIZE...]
// Prints the median, the least and the most milliseconds of REPEAT (50) runs after 5 to warm up.
import { open, noise } from './ort.mjs';

const args = process.argv.slice(2).filter((a) => a !== '--json');
const json = process.argv.includes('--json');
const model = args[0];
if (!model) {
    console.error('usage: bench.mjs MODEL.onnx [REPEAT] [--json] [NAME=SIZE...]');
    process.exit(2);
}
const repeat = Number(args.find((a, i) => i > 0 && /^\d+$/.test(a)) ?? 50);
const sizes = Object.fromEntries(args.slice(1).filter((a) => a.includes('='))
    .map((a) => [a.split('=')[0], Number(a.split('=')[1])]));
const session = await open(model);
const feeds = noise(session, sizes);
const times = [];
for (let i = -5; i < repeat; i++) {
    const begin = process.hrtime.bigint();
    await session.run(feeds);
    if (i >= 0) times.push(Number(process.hrtime.bigint() - begin) / 1e6);
}
times.sort((a, b) => a - b);
const median = times[times.length >> 1];
if (json) console.log(JSON.stringify({ model, ms_median: median, ms_min: times[0], repeat }));
else console.log(`${model}: median ${median.toFixed(3)} ms, least ${times[0].toFixed(3)}, `
    + `most ${times.at(-1).toFixed(3)} (${repeat} runs, 1 thread)`);
