#!/bin/bash
# What lpc makes is the same, byte for byte, in every run and whatever compiler built lpc: operators of
# every family as C, as plain C and by LLVM. In another build than `build`, output is compared with that
# of the lpc in `build`, where that is made of the same sources; else with that of another run, in which
# all addresses are others. (evaluation_order.sh finds the usual cause in the sources.)
# labels: asan
# timeout: 300
set -uo pipefail
command -v python3 >/dev/null || { echo "same_output: no python3: skipped"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
cd "$work" || exit 1
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/op_cases.py" cases || exit 1
other=$LPC with="another run"
if [ -x "$LPC_SOURCE/build/bin/lpc" ] && ! [ "$LPC_BUILD" -ef "$LPC_SOURCE/build" ] &&
    cmp -s "$LPC_BUILD/gen/source_hash.c" "$LPC_SOURCE/build/gen/source_hash.c"; then
    other=$LPC_SOURCE/build/bin/lpc with="build"
fi
ways=("--emit c --targets pc" "--portable --targets pi5")
[ "${LPC_HAS_LLVM:-0}" = 1 ] && ways+=("--emit llvm --targets pc" "--emit llvm --targets pi5")
count=0
for model in cases/*/model.onnx; do
    for way in "${ways[@]}"; do
        case $model in # sizes of 0 are unknown ones to ONNX
        */empty/*) way+=" --bind x0_dim0=0" ;;
        */products/*) way+=" --bind x1_dim1=0 --bind x2_dim0=0" ;;
        esac
        rm -rf one two
        # shellcheck disable=SC2086
        "$LPC" "$model" --no-link --quiet $way -o one >log 2>&1 || fail "$model $way: $(head -c 600 log)"
        # shellcheck disable=SC2086
        "$other" "$model" --no-link --quiet $way -o two >log 2>&1 || fail "$other $model $way: $(head -c 600 log)"
        diff -r one two >log 2>&1 || fail "$model $way: not as in $with: $(head -n 20 log | cut -c 1-200)"
        count=$((count + 1))
    done
done
echo "same_output: $count packages as in $with"
[ "$failures" = 0 ]
