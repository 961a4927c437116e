// A model under ONNX Runtime: the oracle.
//   node tests/ort/ort_run.mjs MODEL.onnx OUT_DIR [--npy] [NAME=]FILE...
// Inputs are .npy or .pb; one without NAME goes to the model's input of its position. Without any
// inputs, seeded noise, which is then written too (input_I). Outputs: OUT_DIR/output_I.pb, or
// OUT_DIR/NAME.npy with --npy.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ort, open, noise } from './ort.mjs';
import { readTensor, writeTensor, toOrt, fromOrt } from './tensors.mjs';

const args = process.argv.slice(2);
const npy = args.includes('--npy');
const [model, out, ...files] = args.filter((a) => a !== '--npy');
if (!out) {
    console.error('usage: ort_run.mjs MODEL.onnx OUT_DIR [--npy] [NAME=]FILE...');
    process.exit(2);
}
const exact = { extra: { session: { x64quantprecision: '1' } } }; // 8-bit products that do not saturate
const session = await open(model, exact);
mkdirSync(out, { recursive: true });
let feeds = {};
files.forEach((argument, i) => {
    const equals = argument.indexOf('=');
    const name = equals > 0 ? argument.slice(0, equals) : session.inputNames[i];
    feeds[name] = toOrt(ort, readTensor(argument.slice(equals + 1)));
});
const place = (name, kind, i) => join(out, npy ? `${name.replaceAll('/', '_')}.npy` : `${kind}_${i}.pb`);
if (files.length === 0) {
    feeds = noise(session);
    session.inputNames.forEach((name, i) =>
        writeTensor(place(name, 'input', i), fromOrt(name, feeds[name])));
}
const results = await session.run(feeds);
session.outputNames.forEach((name, i) =>
    writeTensor(place(name, 'output', i), fromOrt(name, results[name])));
