#!/bin/bash
# Passes: each tests/goldens/FOLDER/X.txt through lpc-opt must give X.expected. The first line of X.txt
# names the passes, `# passes: a,b`; a second one may give bounds, `# symbols: batch=4`. Errors that
# are expected stand in X.expected as they are printed. UPDATE=1 writes the .expected files.
# labels: asan
# timeout: 300
set -uo pipefail
[ -x "$LPC_OPT" ] || { echo "goldens: needs lpc-opt: skipped"; exit 77; }
failed=0 count=0
while IFS= read -r file; do
    count=$((count + 1))
    cd "$(dirname "$file")" || exit 1
    name=$(basename "$file")
    passes=$(sed -n '1s/^# passes: *//p' "$name")
    symbols=$(sed -n '2s/^# symbols: *//p' "$name")
    got=$("$LPC_OPT" --passes "$passes" ${symbols:+--symbols "$symbols"} "$name" 2>&1)
    code=$?
    [ $code -le 1 ] || got="$got
lpc-opt: exit status $code"
    if [ "${UPDATE:-}" = 1 ]; then
        printf '%s\n' "$got" >"${name%.txt}.expected"
    elif ! diff -u --label "expected" --label "$file" "${name%.txt}.expected" - <<<"$got"; then
        failed=$((failed + 1))
    fi
done < <(find "$LPC_SOURCE/tests/goldens" -name '*.txt' | LC_ALL=C sort)
echo "goldens: $count files, $failed failed"
[ $count -gt 0 ] && [ $failed -eq 0 ]
