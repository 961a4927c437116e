#!/bin/bash
# Stages as ranks of an MPI job: bit for bit what TCP gives, with state, too; started by hand, by mpirun and by srun;
# a rank that dies, fails or does not belong ends the job with its name. LPC_FRAMES: how many frames the long run has.
# timeout: 240
# serial
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
for tool in mpicc mpirun; do
    command -v $tool >/dev/null || { echo "mpi: no $tool here (Debian: libopenmpi-dev, openmpi-bin): skipped"; exit 77; }
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=$work PYTHONDONTWRITEBYTECODE=1
mpirun=(mpirun --oversubscribe)
job="${mpirun[*]}"
cd "$work" || exit 1

none_left() { # MESSAGE: no process of a package runs any more, and no socket is left
    local i
    for ((i = 0; i < 40; i++)); do compgen -G "$work/lpc-*" >/dev/null || break; sleep 0.05; done
    [ -z "$(compgen -G "$work/lpc-*")" ] || fail "$1: left in the temporary folder: $(compgen -G "$work/lpc-*")"
    for ((i = 0; i < 100; i++)); do pgrep -f "^$work/.*(rank|ends)" >/dev/null || return; sleep 0.05; done
    fail "$1: processes are left: $(pgrep -af "^$work/.*(rank|ends)")"
    pkill -KILL -f "^$work/.*(rank|ends)"
}

listens() { # FILE: waits until rank 0 says where, which `address` becomes
    local i
    for ((i = 0; i < 200; i++)); do
        address=$(sed -n 's/^listening on //p' "$1" 2>/dev/null)
        [ -n "$address" ] && return
        sleep 0.05
    done
    fail "no rank listens: $(cat "$1")"
}

# --- without state ---
expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets host,host,host --transport mpi --quiet -o out
out=$work/out
expect 0 throughput "$LPC" run "$out" --seed 7 --repeat 5 --output tcp
expect 0 '^host-3 .* 5 ' "$LPC" run "$out" --mpi "$job" --seed 7 --repeat 5 --output ranks
expect 0 '' diff -r tcp ranks
expect 0 throughput "$LPC" run "$out" --mpi "$job" --threads 2 --repeat "${LPC_FRAMES:-2000}"
none_left "after jobs"

# --- by hand, queues of one frame; a client after the other ---
(cd out && exec "${mpirun[@]}" --app <(sed 's/rank$/& --queue 1/' mpi/mpirun.app)) >hand.log 2>&1 &
listens hand.log
expect 0 throughput "$LPC" run "$out" --connect "$address" --seed 7 --repeat 5 --output hand
expect 0 '' diff -r tcp hand
wait $! || fail "the job by hand ended with $?: $(cat hand.log)"

"${mpirun[@]}" -np 1 "$out/mpi/ends" --serve --listen "unix:$work/ends" : -np 1 "$out/host/rank" : \
    -np 1 "$out/host-2/rank" : -np 1 "$out/host-3/rank" >serve.log 2>&1 &
server=$!
listens serve.log
for turn in 1 2 3; do
    expect 0 throughput "$LPC" run "$out" --connect "$address" --seed 7 --repeat 5 --output served.$turn
    expect 0 '' diff -r tcp served.$turn
done
pkill -TERM -o -f "^$out/mpi/ends"
wait $server || fail "a job that serves ended with $?: $(cat serve.log)"

# --- srun: what its --multi-prog file says, by mpirun ---
mkdir bin
cat >bin/srun <<'SCRIPT'
#!/bin/bash
# srun [-N X] -n COUNT --kill-on-bad-exit=1 --multi-prog FILE
words=()
while read -r rank program; do
    [ "$rank" = '#' ] || words+=(${words:+:} -np 1 $program)
done <"${@: -1}"
[[ "$*" == "-N 1 -n $(grep -cv '#' "${@: -1}") --kill-on-bad-exit=1 --multi-prog "* ]] || exit 3
exec mpirun --oversubscribe "${words[@]}"
SCRIPT
chmod +x bin/srun
expect 0 '^host-3 .* 5 ' "$LPC" run out --mpi "$work/bin/srun -N 1" --seed 7 --repeat 5 --output srun
expect 0 '' diff -r tcp srun
rm hand.log # the address in it is the last job's
(cd out && exec "$work/bin/srun" -N 1 -n 4 --kill-on-bad-exit=1 --multi-prog mpi/srun.conf) >hand.log 2>&1 &
listens hand.log
expect 0 throughput "$LPC" run "$out" --connect "$address" --seed 7 --repeat 5 --output hand
expect 0 '' diff -r tcp hand
wait $! || fail "srun by hand ended with $?: $(cat hand.log)"

# --- a rank dies, whose death another process sees, or that one, too ---
kill_ranks() { # PATTERN: of what the parent of those is called that die
    local i pid
    for ((i = 0; i < 200; i++)); do
        for pid in $(pgrep -f "^$out/host-2/rank"); do
            [[ $(ps -o comm= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')") =~ $1 ]] || continue
            sleep 0.5
            kill -KILL "$pid" && return
        done
        sleep 0.02
    done
}
kill_ranks '^rank$' &
expect 1 "out: stage 'host-2': killed by signal 9, Killed, on $(uname -n)" "$LPC" run "$out" --mpi "$job" --repeat 100000000
[ "$(grep -vcE 'frames were answered|^probabilities' log)" = 1 ] || fail "more than one line: $(cat log)"
kill_ranks '^(mpirun|prterun)$' &
expect 1 "out: stage 'host-2' failed: .*noticed that process rank 2.*exited on signal 9" \
    "$LPC" run "$out" --mpi "$job" --repeat 100000000
none_left "after a death"

# --- what does not belong together ---
swapped=("$out/mpi/ends --listen unix:$work/refused" "$out/host-2/rank" "$out/host/rank" "$out/host-3/rank")
words=()
# shellcheck disable=SC2206
for program in "${swapped[@]}"; do words+=(${words:+:} -np 1 $program); done
expect 2 "stage 'host-2': is rank 1 of a job of 4 and must be rank 2" "${mpirun[@]}" "${words[@]}"
expect 12 "stage '(ends|host-2)': rank [02] of the job is of another build" "${mpirun[@]}" -np 1 "$out/mpi/ends" --listen "unix:$work/refused" : -np 1 "$out/host/rank" : \
    -np 1 "$out/host-2/rank"
none_left "after errors"
expect 0 '' "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --quiet -o plain
expect 1 "has no programs for MPI: compile it with --transport mpi" "$LPC" run plain --mpi mpirun
expect 1 "cannot start 'no-launcher'" "$LPC" run "$out" --mpi no-launcher
expect 2 "sockets or mpi" "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --transport pigeons -o none
expect 1 "stage 'pi' is for aarch64-linux-gnu, mpicc makes programs for" \
    "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --targets pi --transport mpi --quiet -o none
mkdir tools
for tool in gcc x86_64-linux-gnu-gcc as ld; do
    command -v $tool >/dev/null && ln -s "$(command -v $tool)" tools/
done
expect 1 'there is no mpicc here' env PATH="$work/tools" "$LPC" "$LPC_SOURCE/models/digits/digits.onnx" --transport mpi --quiet -o none
[ ! -e none ] || fail "a package was left"

# --- with state and feedback; a run that fails; a state that is full ---
model=$SHARED/models/stories260k-kv/model.onnx
if [ -e "$model" ]; then
    mapfile -t decoder < <(cd "$LPC_SOURCE/tests/scripts" && python3 -c 'from pipeline_models import *
print("\n".join(DECODER + ["--cut-after", DECODER_CUT]))')
    expect 0 '' "$LPC" "$model" "${decoder[@]}" --targets host,host,host --transport mpi --quiet -o kv
    feedback=(--seed 3 --repeat 100 --feedback 'input_ids=argmax(logits)')
    expect 0 throughput "$LPC" run kv "${feedback[@]}" --output kv.tcp
    expect 0 throughput "$LPC" run kv --mpi "$job" "${feedback[@]}" --output kv.mpi
    expect 0 '' diff -r kv.tcp kv.mpi
    (cd "$LPC_SOURCE/tests/scripts" && python3 -c 'import sys
from pipeline_models import *
write_npy(sys.argv[1], "<i8", (1, 1), (1 << 30).to_bytes(8, "little"))' "$work/wild.npy")
    expect 1 "stage 'host': the model's run failed: an index points outside its tensor" \
        "$LPC" run kv --mpi "$job" --input "input_ids=$work/wild.npy"
    expect 1 "stage 'host': the state is full" "$LPC" run kv --mpi "$job" --seed 3 --repeat 300
    (cd kv && exec "${mpirun[@]}" -np 1 mpi/ends --serve : -np 1 host/rank : -np 1 host-2/rank : -np 1 host-3/rank) \
        >hand.log 2>&1 &
    sleep 0.2
    listens hand.log
    expect 0 throughput "$LPC" run kv --connect "$address" "${feedback[@]}" --output kv.served
    expect 0 '' diff -r kv.tcp kv.served
    expect 1 "stage 'host': the model's run failed" "$LPC" run kv --connect "$address" --input "input_ids=$work/wild.npy"
    wait $!
    [ $? = 15 ] && grep -q "error stage 'host': the model's run failed" hand.log || fail "a job that failed: $(cat hand.log)"
    none_left "after a run that failed"
else
    echo "mpi: no $model here: state skipped"
fi
none_left "at the end"
[ "$failures" = 0 ]
