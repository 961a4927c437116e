# Compares what `lpc check --each` printed with a list of the cases that are known not to be supported.
# Sourced by scripts with $work/tests (all cases), $work/results (its lines) and $list (the file).
sed -n 's/^PASS //p' "$work/results" >"$work/passed"
sed -n 's/^FAIL \([^:]*\): \(lpc: error: \)\{0,1\}\(.*model.onnx: \)\{0,1\}/\1 /p' "$work/results" |
    cut -c 1-200 >"$work/failed"
cat "$work/passed" <(cut -d ' ' -f 1 "$work/failed") | LC_ALL=C sort |
    diff <(LC_ALL=C sort "$work/tests") - || { echo "FAILED: not every test gave one result"; exit 1; }
echo "$(basename "$list" .txt): $(wc -l <"$work/passed") pass, $(wc -l <"$work/failed") are not supported"
if [ -n "${UPDATE:-}" ]; then
    cp "$work/failed" "$list"
    exit 0
fi
cut -d ' ' -f 1 "$list" | LC_ALL=C sort >"$work/listed"
cut -d ' ' -f 1 "$work/failed" | LC_ALL=C sort >"$work/failing"
regressed=$(LC_ALL=C comm -13 "$work/listed" "$work/failing")
repaired=$(LC_ALL=C comm -23 "$work/listed" "$work/failing")
[ -z "$regressed" ] || { echo "FAILED, and not listed as unsupported:"; grep -F "$regressed" "$work/failed"; }
[ -z "$repaired" ] || echo "pass although listed (take them off the list): $repaired"
[ -z "$regressed$repaired" ]
