// Greedy decoding with a key/value cache under ONNX Runtime: prints the tokens, one line.
//   node tests/ort/greedy.mjs MODEL.onnx [COUNT] [FIRST] [LOGITS_DIR]
// For models with input_ids [batch, seq], past.L.key and past.L.value (or past_key_values.L...) in, logits and
// present.L.* out; an attention_mask [batch, total] is ones. COUNT (40) tokens are generated after
// token FIRST (1); the step's logits go to LOGITS_DIR/logits.STEP.npy when that is given.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ort, open } from './ort.mjs';
import { writeTensor, fromOrt } from './tensors.mjs';

const [model, count = '40', first = '1', dir] = process.argv.slice(2);
if (dir) mkdirSync(dir, { recursive: true });
const session = await open(model);
const feeds = {};
for (const { name, type, shape } of session.inputMetadata) {
    if (!name.startsWith('past')) continue;
    const dims = shape.map((d) => (typeof d !== 'string' ? d : d.startsWith('past') ? 0 : 1));
    feeds[name] = new ort.Tensor(type, new Float32Array(0), dims);
}
const pasts = Object.keys(feeds);
let token = Number(first);
const tokens = [];
for (let step = 0; step < Number(count); step++) {
    feeds.input_ids = new ort.Tensor('int64', BigInt64Array.of(BigInt(token)), [1, 1]);
    if (session.inputNames.includes('attention_mask'))
        feeds.attention_mask = new ort.Tensor('int64', new BigInt64Array(step + 1).fill(1n), [1, step + 1]);
    const results = await session.run(feeds);
    if (dir) writeTensor(join(dir, `logits.${step}.npy`), fromOrt('logits', results.logits));
    const logits = results.logits.data;
    token = 0;
    for (let i = 1; i < logits.length; i++) if (logits[i] > logits[token]) token = i;
    tokens.push(token);
    for (const name of pasts) feeds[name] = results[name.replace(/^past(_key_values)?/, 'present')];
}
console.log(tokens.join(' '));
