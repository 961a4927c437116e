# Sourced by scripts with $work/tests (all cases) and $list (those that are known not to be supported).
#
#   compare_known WAY   compares what `lpc check --each` printed, $work/results, with the list; with UPDATE=1
#                       writes the list anew
compare_known() {
    local regressed repaired
    sed -n 's/^PASS //p' "$work/results" >"$work/passed"
    sed -n 's/^FAIL \([^:]*\): \(lpc: error: \)\{0,1\}\(.*model.onnx: \)\{0,1\}/\1 /p' "$work/results" |
        cut -c 1-200 >"$work/failed"
    cat "$work/passed" <(cut -d ' ' -f 1 "$work/failed") | LC_ALL=C sort |
        diff <(LC_ALL=C sort "$work/tests") - || { echo "FAILED: $1: not every test gave one result"; return 1; }
    echo "$(basename "$list" .txt), $1: $(wc -l <"$work/passed") pass, $(wc -l <"$work/failed") are not supported"
    if [ -n "${UPDATE:-}" ]; then
        cp "$work/failed" "$list"
        return 0
    fi
    cut -d ' ' -f 1 "$list" | LC_ALL=C sort >"$work/listed"
    cut -d ' ' -f 1 "$work/failed" | LC_ALL=C sort >"$work/failing"
    regressed=$(LC_ALL=C comm -13 "$work/listed" "$work/failing")
    repaired=$(LC_ALL=C comm -23 "$work/listed" "$work/failing")
    [ -z "$regressed" ] ||
        { echo "FAILED: $1, and not listed as unsupported:"; grep -F "$regressed" "$work/failed"; }
    [ -z "$repaired" ] || echo "$1: pass although listed (take them off the list): $repaired"
    [ -z "$regressed$repaired" ]
}
