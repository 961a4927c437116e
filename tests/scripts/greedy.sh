#!/bin/bash
# stories260k-kv, its past kept as state and bounded at 256, in three stages: 40 greedy tokens equal
# ONNX Runtime's, and no key or value crosses a cut.
# timeout: 300
set -euo pipefail
model=$SHARED/models/stories260k-kv/model.onnx
[ -e "$model" ] || { echo "greedy: no $model here: skipped; llm.sh generates with a model of its own"; exit 77; }
[ -e "$LPC_SOURCE/.cache/ort/node_modules" ] ||
    { echo "greedy: no ONNX Runtime in .cache/ort (tools/setup --tests): skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "greedy: $*" >&2; exit 1; }
ort=$LPC_SOURCE/tests/ort

read -ra tokens <<<"$(node "$ort/greedy.mjs" "$model" 40 1)"
[ ${#tokens[@]} = 40 ] || fail "ONNX Runtime gave ${#tokens[@]} tokens"
node "$ort/greedy_check.mjs" frames "$work/in" 1 "${tokens[@]}"

states=()
for layer in 0 1 2 3 4; do
    for kind in key value; do
        states+=(--state "past.$layer.$kind=present.$layer.$kind")
    done
done
"$LPC" "$model" --targets host,host,host --bind batch=1 --bind seq=1 --max past=256 "${states[@]}" \
    --cut-after n_Add_138,n_Add_260 -o "$work/out"
inputs=()
for ((i = 0; i < 40; i++)); do inputs+=(--input "input_ids=$work/in/input_ids.$i.npy"); done
"$LPC" run "$work/out" "${inputs[@]}" --output "$work/answers"
node "$ort/greedy_check.mjs" check "$work/answers" 1 "${tokens[@]}"

# The manifest's inner cuts name the tensors that cross.
node - "$work/out/manifest.json" <<'SCRIPT'
const { cuts } = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
const crossing = cuts.slice(1, -1).map((cut) => JSON.stringify(cut));
const bad = crossing.filter((text) => /past\.\d|present\.\d/.test(text));
if (cuts.length !== 4 || bad.length) {
    console.error(`greedy: ${cuts.length} cuts; a key or value crosses: ${bad.join(' ')}`);
    process.exit(1);
}
SCRIPT
