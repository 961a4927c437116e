#!/bin/bash
# A narrow, two-layer copy of the decoder that tools/bench/make_llm makes, in bfloat16:
#  - decoded step by step in three stages it gives the bits of one stage;
#  - its logits agree with the evaluator's (and ONNX Runtime's, where it is here) on a float32 copy;
#  - the embedding that the output projection is tied to is in a stage once;
#  - weights that are put into the program after linking run, also on another machine's emulator.
# timeout: 300
set -euo pipefail
make_llm=${LPC_BUILD:-}/bin/make_llm
[ -x "$LPC" ] && [ -x "$make_llm" ] || { echo "llm: needs lpc and make_llm: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "llm: $*" >&2; exit 1; }
cd "$work"

narrow=(--hidden 256 --ffn 512 --heads 4 --kv-heads 2 --head-dim 32)
"$make_llm" narrow.onnx --layers 2 "${narrow[@]}" --vocab 20000 >made
"$make_llm" wide.onnx --layers 2 "${narrow[@]}" --vocab 20000 --type float32 >made
states=()
for layer in 0 1; do
    for kind in key value; do states+=(--state "past.$layer.$kind=present.$layer.$kind"); done
done
decode=(--bind seq=1 --max past=16 --quiet)

# Four tokens, one step each; then the same as one prompt with an empty past for the evaluator.
/usr/bin/python3 - <<'SCRIPT'
import struct
tokens = [17, 4711, 19999, 3]
def npy(path, dims, values):
    head = "{'descr': '<i8', 'fortran_order': False, 'shape': %s, }" % (dims,)
    head += ' ' * (63 - (10 + len(head)) % 64) + '\n'
    with open(path, 'wb') as f:
        f.write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() +
                struct.pack('<%dq' % len(values), *values))
for i, token in enumerate(tokens): npy('id%d.npy' % i, (1, 1), [token])
SCRIPT
inputs=()
for i in 0 1 2 3; do inputs+=(--input "input_ids=id$i.npy"); done

"$LPC" narrow.onnx "${decode[@]}" "${states[@]}" -o one
"$LPC" narrow.onnx "${decode[@]}" "${states[@]}" --targets host,host,host \
    --cut-after layer.0,layer.1 -o three
"$LPC" run one "${inputs[@]}" --output one.out >log
"$LPC" run three "${inputs[@]}" --output three.out >log
for i in 0 1 2 3; do
    cmp one.out/logits.$i.npy three.out/logits.$i.npy || fail "step $i: three stages differ from one"
done

# A data set for `lpc check`: the prompt, empty pasts, and the logits of the bfloat16 steps.
/usr/bin/python3 - <<'SCRIPT'
import os, struct
def varint(n):
    out = b''
    while n > 127: out += bytes([n & 127 | 128]); n >>= 7
    return out + bytes([n])
def tensor(path, name, kind, dims, raw):
    text = b''.join(b'\x08' + varint(d) for d in dims) + b'\x10' + varint(kind)
    text += b'\x42' + varint(len(name)) + name.encode() + b'\x4a' + varint(len(raw)) + raw
    with open(path, 'wb') as f: f.write(text)
os.mkdir('set')
tensor('set/input_0.pb', 'input_ids', 7, [1, 4], struct.pack('<4q', 17, 4711, 19999, 3))
names = ['past.%d.%s' % (layer, kind) for layer in (0, 1) for kind in ('key', 'value')]
for i, name in enumerate(names): tensor('set/input_%d.pb' % (i + 1), name, 1, [1, 2, 0, 32], b'')
logits = b''
for i in range(4):
    data = open('one.out/logits.%d.npy' % i, 'rb').read()
    assert b"'<f4'" in data[:128], data[:128]
    logits += data[10 + struct.unpack('<H', data[8:10])[0]:]
tensor('set/output_0.pb', 'logits', 1, [1, 4, 20000], logits)
values = struct.unpack('<%df' % (len(logits) // 4), logits)
deviation = (sum(v * v for v in values) / len(values)) ** 0.5
assert 0.3 < deviation < 3, deviation  # so that the tolerance below means something
SCRIPT
# bfloat16 has 8 bits: about ten roundings of 2^-9 each in a chain, of values up to 4.
"$LPC" check wide.onnx set --emit eval --rtol 0.02 --atol 0.05 >log || fail "evaluator: $(cat log)"
! "$LPC" check wide.onnx set --emit eval --rtol 1e-4 --atol 1e-5 >log 2>&1 ||
    fail "bfloat16 equals float32: is it bfloat16?"

ort=$LPC_SOURCE/tests/ort
if [ -e "$LPC_SOURCE/.cache/ort/node_modules" ]; then
    read -ra tokens <<<"$(node "$ort/greedy.mjs" wide.onnx 3 17 ort.out)"
    [ ${#tokens[@]} = 3 ] || fail "ONNX Runtime gave ${#tokens[@]} tokens"
    /usr/bin/python3 - <<'SCRIPT' || fail "the first step differs from ONNX Runtime's"
import struct
def read(path):
    data = open(path, 'rb').read()
    data = data[10 + struct.unpack('<H', data[8:10])[0]:]
    return struct.unpack('<%df' % (len(data) // 4), data)
a, c = read('one.out/logits.0.npy'), read('ort.out/logits.0.npy')
worst = max(abs(x - y) for x, y in zip(a, c))
print('largest difference', worst)
raise SystemExit(worst > 0.05)
SCRIPT
fi

# The weights of one stage: the embedding once, all else packed without padding.
made=$(stat -c %s narrow.onnx.data)
held=$(grep -o '"weights_bytes":[^,]*' one/manifest.json | grep -o '[0-9]*')
[ "$held" -lt $((made + made / 50)) ] || fail "$held bytes of weights from $made"

# More than 64 MiB of weights are put in after linking.
"$make_llm" many.onnx --layers 1 "${narrow[@]}" --vocab 140000 >made
targets=(host)
if command -v qemu-aarch64 >log && command -v aarch64-linux-gnu-gcc >log; then targets+=(pi); fi
tokens=
for target in "${targets[@]}"; do
    "$LPC" many.onnx "${decode[@]}" "${states[@]:0:4}" --targets "$target" -o "many.$target"
    readelf -lW "many.$target/$target/stage" >segments
    awk '$1 == "LOAD" && NF { last = $0 } END { print last }' segments | grep -q ' R  ' ||
        fail "$target: the weights are not the last segment: $(cat segments)"
    "$LPC" run "many.$target" --input input_ids=id0.npy --repeat 2 \
        --feedback 'input_ids=argmax(logits)' --json >log
    found=$(grep -o '"tokens":[^]]*' log)
    [ -z "$tokens" ] || [ "$tokens" = "$found" ] || fail "$target: $found, host: $tokens"
    tokens=$found
done
echo "llm: ${targets[*]}: $tokens"
