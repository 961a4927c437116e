#!/bin/bash
# A pipeline over Unix sockets: stages, lpc run and a gateway give what TCP gives; a stage that is started again after
# it was killed takes its socket over; a path that is too long is one line.
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
trap 'kill "${stages[@]}" 2>/dev/null; rm -rf "$work"' EXIT
stages=()
cd "$work" || exit 1

expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets host,host,host --quiet -o out
expect 0 throughput "$LPC" run out --seed 7 --output tcp

start() { # INDEX NAME [FORWARD]: how a user starts it; waits until it listens
    "out/$2/stage" --listen "unix:$work/$1.socket" ${3:+--forward "unix:$work/$3.socket"} --serve >"$1.log" 2>&1 &
    stages[$1]=$!
    for ((i = 0; i < 200; i++)); do grep -q "listening on unix:$work/$1.socket" "$1.log" && return; sleep 0.02; done
    fail "stage $1 does not listen: $(cat "$1.log")"
}
first=host second=host-2 third=host-3
start 2 $third
start 1 $second 2
start 0 $first 1
ends=(--connect "unix:./0.socket" --collect "unix:$work/2.socket")
expect 0 throughput "$LPC" run out "${ends[@]}" --seed 7 --output unix
expect 0 '' diff -r tcp unix

# Killed, its socket stays; started again, it listens there.
kill -KILL "${stages[1]}"
{ wait "${stages[1]}"; } 2>/dev/null
[ -S 1.socket ] || fail "no socket is left"
start 1 $second 2
expect 0 throughput "$LPC" run out "${ends[@]}" --seed 7 --output again
expect 0 '' diff -r tcp again
expect 16 'cannot listen on unix:.*in use' "out/$first/stage" --listen "unix:$work/1.socket"

# A gateway between.
"$LPC" serve out "${ends[@]}" --listen "unix:$work/gateway.socket" >gateway.log 2>&1 &
stages[3]=$!
for ((i = 0; i < 200; i++)); do grep -q 'gateway.socket' gateway.log && break; sleep 0.02; done
expect 0 throughput "$LPC" run out --connect "unix:$work/gateway.socket" --seed 7 --output served
expect 0 '' diff -r tcp served

long=$(printf '%0120d' 0)
expect 2 'the path has 121 bytes, a Unix socket.s may have 107' "out/$first/stage" --listen "unix:/$long"
expect 1 'the path has 121 bytes' "$LPC" run out --connect "unix:/$long" --collect "unix:/$long"
[ "$(wc -l <log)" = 1 ] || fail "more than a line: $(cat log)"
[ "$failures" = 0 ]
