#!/bin/bash
# `lpc calibrate`: a target file of this machine that loads back; a program for another device, run
# through the emulator; the link to a peer. `lpc plan --measure` and the times that `lpc run` takes back.
# timeout: 300
# serial
set -uo pipefail
[ -x "$LPC" ] || { echo "calibrate: needs lpc: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx
fail() { echo "calibrate: $*" >&2; exit 1; }
number() { grep -oE "\"$2\": [0-9.e+-]+" "$1" | grep -oE '[0-9.e+-]+$'; }
positive() { awk -v x="$1" 'BEGIN { exit !(x + 0 > 0) }'; }

# This machine.
mkdir mine
"$LPC" calibrate --quick -o mine/host.json 2>table || fail "this machine: $(cat table)"
for field in cores gflops memory_bandwidth call_overhead; do
    positive "$(number mine/host.json $field)" || fail "host.json: $field is not above 0"
done
for kind in 'matmul +f32' 'conv 3x3 +f32' 'depthwise +f32' 'matmul +int8' 'memory'; do
    grep -qE "^$kind" table || fail "nothing about $kind"
done
"$LPC" targets --target-dir mine 2>errors | grep -q '^host .*calibrated' || fail "host.json does not load: $(cat errors)"
"$LPC" "$model" --target-dir mine --no-link --quiet -o out1 || fail "host.json does not compile a model"
"$LPC" calibrate --nonsense >/dev/null 2>&1
[ $? = 2 ] || fail "a usage error does not exit 2"

# A quota of a quarter of a core is not measured as a core.
group=/sys/fs/cgroup/cpu/lpc-calibrate-$$
if mkdir "$group" 2>/dev/null && echo 25000 >"$group/cpu.cfs_quota_us" 2>/dev/null; then
    mkdir quota
    (echo $BASHPID >"$group/cgroup.procs" && exec "$LPC" calibrate --quick --threads 1 -o quota/host.json) 2>table ||
        fail "under a quota: $(cat table)"
    rmdir "$group"
    grep -qE '^share +0\.[23]' table || fail "a quota of a quarter is not seen: $(cat table)"
    grep -q "% of their cores' time" quota/host.json || fail "a quota is not told"
fi

# Another device.
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
    "$LPC" calibrate --target pi5 >/dev/null 2>log && fail "measures another device here, silently"
    grep -q -- '-o DIR' log || fail "does not say how: $(cat log)"
    "$LPC" calibrate --target pi5 -o there 2>log || fail "pi5: $(cat log)"
    [ -s there/README.txt ] || fail "no instructions"
    mkdir theirs
    qemu-aarch64 there/calibrate --quick --threads 2 >theirs/pi5.json 2>log || fail "pi5's program: $(cat log)"
    "$LPC" targets --target-dir theirs | grep -qE '^pi5 +pi .* 2 ' || fail "pi5.json does not load"
    "$LPC" calibrate --target pi5 --emulate --quick -o emulated.json 2>log || fail "--emulate: $(cat log)"
    grep -q 'through an emulator' emulated.json || fail "an emulated figure is not marked"
    "$LPC" plan "$model" --targets host,pi5 --measure --write-profile layers.json >plan 2>log ||
        fail "plan --measure: $(cat log)"
    grep -q "measured 'pi5' through an emulator" log || fail "an emulated time is not marked"
    grep -q '"emulated"' layers.json || fail "an emulated time is not marked in the profile"
    "$LPC" plan --profile layers.json --targets host,pi5 >/dev/null || fail "the profile does not plan"
fi

# Measured beside predicted, and back into a plan.
"$LPC" "$model" --targets host,host --quiet -o out2 || fail "cannot compile two stages"
"$LPC" run out2 --repeat 20 --write-profile measured.json >run || fail "cannot run"
grep -q '^stage .*compute ms *predicted' run || fail "no predictions beside what was measured"
"$LPC" plan --profile measured.json --targets host,host >/dev/null || fail "measured times do not plan"

# The link.
"$LPC" calibrate --serve 127.0.0.1:0 --once >served &
server=$!
for _ in $(seq 100); do grep -q listening served && break; sleep 0.05; done
"$LPC" calibrate --peer "$(sed 's/listening on //' served)" -o link || fail "no link to a peer"
positive "$(number link bandwidth)" && positive "$(number link latency)" || fail "link: $(cat link)"
wait $server || fail "the serving end failed"
