// A model as ONNX Runtime's optimiser saves it.
//   node tests/ort/optimize.mjs MODEL.onnx OUT.onnx basic|extended|all
import { open } from './ort.mjs';

const [model, out, level] = process.argv.slice(2);
if (!level) {
    console.error('usage: optimize.mjs MODEL.onnx OUT.onnx basic|extended|all');
    process.exit(2);
}
await open(model, { optimizedModelFilePath: out, graphOptimizationLevel: level });
