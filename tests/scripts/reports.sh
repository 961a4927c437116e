#!/bin/bash
# Models after public bug reports (../shared/reports): index.json says which have right values, which must
# be refused and which may be either. In every backend (each in C of one of two kinds) and, where they can be cut, as two stages; no
# crash, no wrong value, and every refusal is one error. tests/conformance/reports.txt lists what is
# refused although it has values, and what gives others on purpose (MISMATCH), with the reason; what is
# listed must not pass. UPDATE=1 rewrites it.
# labels: asan slow
# timeout: 900
set -uo pipefail
root=$SHARED/reports
[ -d "$root" ] || { echo "reports: no $root here: skipped; bad_models.sh, nan.sh and optional_outputs.sh have own cases"; exit 77; }
. "$LPC_SOURCE/tests/common.sh"
list=$LPC_SOURCE/tests/conformance/reports.txt
sed -n 's/^ *"\([^"]*\)": "\([^"]*\)",*$/\1 \2/p' "$root/index.json" >"$work/index"
count=$(wc -l <"$work/index")
[ "$count" -gt 0 ] || { echo "FAILED: cannot read $root/index.json"; exit 1; }

# One line for each model: "NAME pass", "NAME refused WHY", "NAME wrong WHAT". C with vectors and plain C take turns from
# model to model (LPC_FULL=1: they do not).
run() { # OUT OPTION...
    local out=$1 models=$work/index
    shift
    case ${LPC_FULL:-0}$* in
        "0--emit c") sed -n 'p;n' "$work/index" >"$work/turn" && models=$work/turn ;;
        0--portable) sed -n 'n;p' "$work/index" >"$work/turn" && models=$work/turn ;;
    esac
    (cd "$root" && cut -d ' ' -f 1 "$models" | xargs -P 2 -n 25 "$LPC" check "$@" --each) >"$work/raw"
    sed -E 's/^PASS ([^ ]*)$/\1 pass/
        t
        s/^FAIL ([^ :]*): lpc: error: (([^ ]*model\.onnx): )?/\1 refused /
        s/^FAIL ([^ :]*): /\1 wrong /
        s/^([^ ]*) refused internal/\1 wrong internal/
        s/^([^ ]*) refused (kernel .*: %|main: )/\1 wrong \2/' "$work/raw" |
        cut -c 1-180 | LC_ALL=C sort >"$out"
    [ "$(wc -l <"$out")" = "$(wc -l <"$models")" ] || fail "$*: not every model gave one result"
}

judge() { # RESULTS WAY
    while read -r name how why; do
        wanted=$(sed -n "s/^$name //p" "$work/index")
        case "$how: $wanted" in
        "pass: right value"*) ! grep -q "^$name " "$list" || fail "$2: $name passes (take it off reports.txt)" ;;
        "refused: must be refused" | "refused: "*"or refused") ;;
        "refused: "*) grep -q "^$name " "$list" || fail "$2: $name: $why" ;;
        "wrong: right value") # cut at 180 characters, so perhaps without its last word
            [[ $why == *"largest error"* ]] && grep -q "^$name MISMATCH" "$list" || fail "$2: $name: $why" ;;
        *) fail "$2: $name ($wanted): $how $why" ;;
        esac
    done <"$1"
}

if [ -n "${UPDATE:-}" ]; then
    run "$work/results" --emit eval
    grep ' refused ' "$work/results" | while read -r name _ why; do
        grep -qx "$name right value" "$work/index" && echo "$name $why"
    done >"$work/list"
    { grep ' MISMATCH ' "$list"; cat "$work/list"; } | LC_ALL=C sort >"$work/sorted"
    cp "$work/sorted" "$list"
    exit 0
fi
ways=("--emit eval" "--emit obj" "--emit c" "--portable")
[ "${LPC_SANITIZED:-0}" = 1 ] && ways=("--emit eval")
for way in "${ways[@]}"; do
    # shellcheck disable=SC2086
    run "$work/results" $way
    judge "$work/results" "$way"
done
run "$work/two" --emit eval --stages 2
judge "$work/two" "two stages"
echo "reports: $count models, ${#ways[@]} ways and as two stages; $(wc -l <"$list") are refused"
[ "$failures" = 0 ]
