// ONNX Runtime for node, from .cache/ort, where `tools/setup --tests` puts it. One thread, always.
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const home = process.env.LPC_ORT ?? join(root, '.cache/ort');
if (!existsSync(join(home, 'node_modules/onnxruntime-node'))) {
    console.error('onnxruntime-node is not in .cache/ort: run tools/setup --tests');
    process.exit(77);
}
export const ort = createRequire(join(home, 'package.json'))('onnxruntime-node');

export function open(model, options = {}) {
    return ort.InferenceSession.create(model, {
        intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential',
        graphOptimizationLevel: 'all', logSeverityLevel: 3, ...options });
}

// Inputs of a session with symbolic sizes set: each by its name in `sizes`, else 1. Floats are
// uniform in [0, 1) from a fixed seed, integers are 0.
export function noise(session, sizes = {}) {
    let seed = 1;
    const next = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 4294967296);
    const feeds = {};
    for (const m of session.inputMetadata) {
        const dims = m.shape.map((d) => (typeof d === 'number' && d >= 0 ? d : sizes[d] ?? 1));
        const count = dims.reduce((a, b) => a * b, 1);
        const big = m.type === 'int64' || m.type === 'uint64';
        const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array,
            int64: BigInt64Array, uint64: BigUint64Array, uint8: Uint8Array, int8: Int8Array,
            bool: Uint8Array, float16: Uint16Array };
        const data = new kinds[m.type](count);
        if (m.type.startsWith('float') && m.type !== 'float16')
            for (let i = 0; i < count; i++) data[i] = next();
        else data.fill(big ? 0n : 0);
        feeds[m.name] = new ort.Tensor(m.type, data, dims);
    }
    return feeds;
}
