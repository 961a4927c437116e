// Compares a greedy decoding done by lpc with ONNX Runtime's, step by step.
//   node tests/ort/greedy_check.mjs frames DIR FIRST TOKEN...   DIR/input_ids.STEP.npy, [1,1] i64
//   node tests/ort/greedy_check.mjs check DIR FIRST TOKEN...    of DIR/logits.STEP.npy
// ONNX Runtime's tokens are fed, so if every step's most likely token is the next one of them, then
// a loop that feeds its own answers gives the same tokens.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTensor, writeTensor } from './tensors.mjs';

const [mode, dir, ...tokens] = process.argv.slice(2);
if (mode === 'frames') {
    mkdirSync(dir, { recursive: true });
    tokens.slice(0, -1).forEach((token, step) => writeTensor(join(dir, `input_ids.${step}.npy`),
        { type: 'int64', dims: [1, 1],
          data: new Uint8Array(BigInt64Array.of(BigInt(token)).buffer) }));
} else {
    let wrong = 0;
    for (let step = 0; step + 1 < tokens.length; step++) {
        const bytes = new Uint8Array(readTensor(join(dir, `logits.${step}.npy`)).data);
        const logits = new Float32Array(bytes.buffer);
        let best = 0;
        for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
        if (best === Number(tokens[step + 1])) continue;
        console.error(`step ${step}: token ${best}, ONNX Runtime says ${tokens[step + 1]}`);
        wrong++;
    }
    console.log(`${tokens.length - 1 - wrong} of ${tokens.length - 1} tokens equal`);
    process.exit(wrong ? 1 : 0);
}
