// Tensors as files: .npy (NumPy) and .pb (ONNX TensorProto), to and from onnxruntime-node's.
import { readFileSync, writeFileSync } from 'node:fs';

// [ORT's name, TensorProto.DataType, NumPy's descr, typed array]
const TYPES = [
    ['float32', 1, '<f4', Float32Array], ['uint8', 2, '|u1', Uint8Array],
    ['int8', 3, '|i1', Int8Array], ['uint16', 4, '<u2', Uint16Array],
    ['int16', 5, '<i2', Int16Array], ['int32', 6, '<i4', Int32Array],
    ['int64', 7, '<i8', BigInt64Array], ['bool', 9, '|b1', Uint8Array],
    ['float16', 10, '<f2', Uint16Array], ['float64', 11, '<f8', Float64Array],
    ['uint32', 12, '<u4', Uint32Array], ['uint64', 13, '<u8', BigUint64Array],
];
const find = (column, value) => {
    const row = TYPES.find((r) => r[column] === value);
    if (!row) throw new Error(`no such element type: ${value}`);
    return row;
};

// { name, type, dims, data: Uint8Array of the raw bytes }
export function readTensor(path) {
    const bytes = readFileSync(path);
    return path.endsWith('.npy') ? readNpy(bytes, path) : readPb(bytes);
}
export function writeTensor(path, tensor) {
    writeFileSync(path, path.endsWith('.npy') ? toNpy(tensor) : toPb(tensor));
}

// As onnxruntime-node's Tensor wants it, and back.
export function toOrt(ort, tensor) {
    const Array = find(0, tensor.type)[3];
    const copy = new Uint8Array(tensor.data); // aligned
    const data = new Array(copy.buffer, 0, copy.length / Array.BYTES_PER_ELEMENT);
    return new ort.Tensor(tensor.type, data, tensor.dims);
}
export function fromOrt(name, tensor) {
    const d = tensor.data;
    return { name, type: tensor.type, dims: [...tensor.dims],
             data: new Uint8Array(d.buffer, d.byteOffset, d.byteLength) };
}

function readNpy(bytes, path) {
    if (bytes.toString('latin1', 1, 6) !== 'NUMPY') throw new Error(`${path}: not a .npy file`);
    const wide = bytes[6] > 1;
    const begin = wide ? 12 : 10;
    const end = begin + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
    const head = bytes.toString('latin1', begin, end);
    if (/'fortran_order': *True/.test(head)) throw new Error(`${path}: Fortran order`);
    const dims = /'shape': *\(([^)]*)\)/.exec(head)[1].split(',').map((s) => s.trim())
        .filter((s) => s).map(Number);
    return { name: '', type: find(2, /'descr': *'([^']*)'/.exec(head)[1])[0], dims,
             data: bytes.subarray(end) };
}
function toNpy({ type, dims, data }) {
    const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
    let head = `{'descr': '${find(0, type)[2]}', 'fortran_order': False, 'shape': ${shape}, }`;
    head = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11) + '\n';
    const prefix = Buffer.alloc(10);
    prefix.write('\x93NUMPY\x01\x00', 'latin1');
    prefix.writeUInt16LE(head.length, 8);
    return Buffer.concat([prefix, Buffer.from(head, 'latin1'), Buffer.from(data)]);
}

// TensorProto: dims 1, data_type 2, float_data 4, int32_data 5, int64_data 7, name 8, raw_data 9,
// double_data 10, uint64_data 11.
function readPb(bytes) {
    let at = 0;
    const varint = () => {
        let value = 0n;
        for (let shift = 0n;; shift += 7n) {
            const byte = bytes[at++];
            value |= BigInt(byte & 127) << shift;
            if (byte < 128) return BigInt.asIntN(64, value);
        }
    };
    const tensor = { name: '', dims: [] };
    const ints = [], blocks = [];
    let raw = null;
    while (at < bytes.length) {
        const key = Number(varint()), field = key >> 3, wire = key & 7;
        if (wire === 0) {
            const value = varint();
            if (field === 1) tensor.dims.push(Number(value));
            else if (field === 2) tensor.type = find(1, Number(value))[0];
            else if (field === 5 || field === 7 || field === 11) ints.push(value);
        } else if (wire === 2) {
            const length = Number(varint()), end = at + length, part = bytes.subarray(at, end);
            if (field === 8) tensor.name = part.toString();
            else if (field === 9) raw = part;
            else if (field === 4 || field === 10) blocks.push(part);
            else if (field === 1) while (at < end) tensor.dims.push(Number(varint()));
            else if (field === 5 || field === 7 || field === 11) while (at < end) ints.push(varint());
            at = end;
        } else {
            const length = wire === 5 ? 4 : 8;
            if (field === 4 || field === 10) blocks.push(bytes.subarray(at, at + length));
            at += length;
        }
    }
    if (raw) tensor.data = raw;
    else if (blocks.length) tensor.data = Buffer.concat(blocks);
    else {
        const Array = find(0, tensor.type)[3];
        const big = Array.BYTES_PER_ELEMENT === 8;
        const data = new Array(ints.map((v) => (big ? v : Number(v))));
        tensor.data = new Uint8Array(data.buffer);
    }
    return tensor;
}
function toPb({ name, type, dims, data }) {
    const out = [];
    const varint = (value) => {
        let v = BigInt.asUintN(64, BigInt(value));
        const bytes = [];
        for (; v > 127n; v >>= 7n) bytes.push(Number(v & 127n) | 128);
        bytes.push(Number(v));
        out.push(Buffer.from(bytes));
    };
    for (const d of dims) varint(1 << 3), varint(d);
    varint(2 << 3), varint(find(0, type)[1]);
    if (name) {
        varint((8 << 3) | 2), varint(Buffer.byteLength(name)), out.push(Buffer.from(name));
    }
    varint((9 << 3) | 2), varint(data.length), out.push(Buffer.from(data));
    return Buffer.concat(out);
}
