#!/bin/bash
# lpc top: what stages do while a client waits for them, while none is there, and when one is gone or of another build;
# lines of their logs as JSON.
# timeout: 120
# serial
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
[ -x "$LPC" ] || { echo "top: needs lpc: skipped"; exit 77; }
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx
"$LPC" "$model" --quiet -o out --targets host,host,host || fail "cannot compile"
"$LPC" "$model" --quiet -o other --targets host,host,host --max-string 16 || fail "cannot compile the other"

stages=() addresses=
trap 'kill -CONT "${stages[@]}" 2>/dev/null; kill "${stages[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
start() { # NAME [OPTION...]: `address` becomes where it listens
    "out/$1/stage" --serve --listen 127.0.0.1:0 --log json "${@:2}" >"$1.out" 2>"$1.err" &
    stages+=($!)
    for _ in $(seq 200); do
        address=$(sed -n 's/^listening on //p' "$1.out" 2>/dev/null)
        [ -n "$address" ] && return
        sleep 0.05
    done
    fail "$1 does not start: $(cat "$1.err")"
}
start host-3
last=$address addresses=$address
start host-2 --forward "$address"
addresses=$address,$addresses
start host --forward "$address"
first=$address addresses=$address,$addresses

expect 2 "missing 'OUT'" "$LPC" top
expect 2 'expected either --hosts FILE or --connect' "$LPC" top out
expect 1 'expected the addresses of 3 stages, got 1' "$LPC" top out --connect "$first"
expect 0 'nothing passes' "$LPC" top out --connect "$addresses" --once --interval 0.1
[ "$(grep -c ' 0/2 .* 0/1 ' log)" = 3 ] || fail "three stages at rest: $(cat log)"

# Under load: frames pass each of them, and the figures are of one kind.
"$LPC" run out --connect "$first" --collect "$last" --repeat 3000000 >run.log 2>&1 &
client=$!
sleep 1
expect 0 '"limits":"' "$LPC" top out --connect "$addresses" --once --interval 0.5 --json
kill $client
wait $client 2>/dev/null
python3 - <<'PY' || fail "figures: $(cat log)"
import json
seen = json.load(open("log"))
assert [s["name"] for s in seen["stages"]] == ["host", "host-2", "host-3"]
rates = [s["frames_per_s"] for s in seen["stages"]]
assert min(rates) > 50, rates # not equal: thousands of such small frames lie in sockets
for s, after in zip(seen["stages"], seen["stages"][1:]):
    assert abs(s["out_per_s"] / s["frames_per_s"] - after["in_per_s"] / after["frames_per_s"]) < 1
for s in seen["stages"]:
    assert s["up"] and s["serving"] == 1 and s["streams"] == 1 and not s["broken"] and s["threads"] >= 1
    assert 0.4 < s["seconds"] < 1.5 and s["busy"] + s["input"] + s["output"] <= 1.001
    assert s["compute_ms"] > 0 and s["predicted_ms"] > 0 and s["frames"] > 100
PY

# One that hangs, one that is gone, one of another build.
kill -STOP "${stages[1]}"
expect 1 "host-2 .*down: .*stalled for 1 s" "$LPC" top out --connect "$addresses" --once --interval 0.1
grep -q "^stage 'host-2' does not answer" log || fail "who is missing is not told: $(cat log)"
kill -CONT "${stages[1]}"
kill "${stages[2]}"
wait "${stages[2]}"
expect 1 "host .*down: cannot connect to .*refused" "$LPC" top out --connect "$addresses" --once --interval 0.1
expect 1 "down: .*is it of another build" "$LPC" top other --connect "$addresses" --once --interval 0.1
grep -q '"level":"warning","stage":"host-2","event":"refused","text":.*another build' host-2.err ||
    fail "host-2 does not tell who was sent away: $(cat host-2.err)"

# Every line of a log is an object.
python3 - <<'PY' || fail "logs: $(cat ./*.err)"
import json, re
for name in ("host", "host-2", "host-3"):
    lines = [json.loads(line) for line in open(name + ".err")]
    events = [line["event"] for line in lines]
    assert events[:2] == ["start", "stream"] and "broken" in events, events
    for line in lines:
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) and line["stage"] == name
        assert (line["level"] == "error") == (line["event"] == "broken")
assert [json.loads(line) for line in open("host.err")][-1]["event"] == "stopped"
PY

[ "$failures" = 0 ]
