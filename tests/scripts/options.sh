#!/bin/bash
# Options come from one table: every subcommand explains its own, the man page and the completions have
# them, and what is no option is told in one line with what may have been meant.
# labels: asan
# timeout: 120
set -uo pipefail
. "$LPC_SOURCE/tests/common.sh"
model=$LPC_SOURCE/models/digits/digits.onnx
cd "$work" || exit 1

for command in run check inspect targets profile plan simulate calibrate deploy status logs stop undeploy serve keys; do
    expect 0 "^usage: lpc $command" "$LPC" $command --help
    expect 2 "^lpc $command: unexpected argument '--nonsense' \(see lpc $command --help\)\$" \
        "$LPC" $command --nonsense
    [ "$(wc -l <log)" = 1 ] || fail "$command --nonsense says more than a line: $(cat log)"
done
expect 0 '^  --bind NAME=N  *The size NAME is N' "$LPC" --help
expect 0 '^  --rtol R ' "$LPC" check --help
expect 0 '^  --bind NAME=N ' "$LPC" check --help
expect 0 '^  --split N' "$LPC" plan "$model" --help

# Near to an option, of another subcommand, without its value, with one too many.
expect 2 "unexpected argument '--target': did you mean '--targets'\?" "$LPC" "$model" --target pc -o out
expect 2 "unexpected argument '--objektive=latency': did you mean '--objective'\?" \
    "$LPC" plan "$model" --objektive=latency
expect 2 "lpc run: unexpected argument '--portable': an option of lpc MODEL" "$LPC" run x --portable
expect 2 "lpc: --bind '': expected a value" "$LPC" "$model" -o out --bind
expect 2 "lpc: --quiet 'yes': expected no value" "$LPC" "$model" --quiet=yes -o out
expect 2 "lpc inspect: unexpected argument 'another'" "$LPC" inspect "$model" another
expect 2 "lpc plan: --memory-limit '0': expected a fraction above 0" "$LPC" plan "$model" --memory-limit 0
expect 2 "lpc: --threads '0': expected a number from 1 to 256" "$LPC" "$model" --threads 0 -o out
expect 2 "lpc run: missing 'OUT'" "$LPC" run
expect 2 "lpc deploy: missing --hosts FILE" "$LPC" deploy out
expect 2 "lpc undeploy: missing 'OUT'" "$LPC" undeploy --hosts x.json
expect 2 "lpc run: --collect and --retry go with --connect or --hosts" "$LPC" run out --retry 3
expect 2 "lpc: error: --keys and --insecure go with --connect or --hosts" "$LPC" run out --keys x
expect 2 "lpc serve: missing 'OUT'" "$LPC" serve
expect 2 "lpc serve: missing --connect or --hosts" "$LPC" serve out --http localhost:0
expect 2 "lpc serve: missing --listen or --http" "$LPC" serve out --connect localhost:1
expect 2 "lpc check: --rtol '-1': expected a number of 0 or more" "$LPC" check "$model" x --rtol -1
expect 0 'FLOPs: ' "$LPC" inspect "$model" --targets=host --portable

# The man page in the source is the one that the table gives.
"$LPC" --help-man >lpc.1
cmp -s lpc.1 "$LPC_SOURCE/docs/lpc.1" ||
    fail "docs/lpc.1 is not what lpc --help-man prints: $(diff "$LPC_SOURCE/docs/lpc.1" lpc.1 | head -5)"
if command -v man >/dev/null && command -v groff >/dev/null; then
    expect 0 '' groff -man -Tutf8 -ww -z lpc.1
    [ ! -s log ] || fail "groff warns: $(head -3 log)"
fi

# Completions: shells read them, and bash offers what the table has.
for shell in bash zsh fish; do
    "$LPC" --completion $shell >lpc.$shell || fail "--completion $shell"
    if command -v $shell >/dev/null; then expect 0 '' $shell -n lpc.$shell; fi
done
expect 2 'expected bash, zsh or fish' "$LPC" --completion csh
complete_words() { # WORD...: what bash offers for the last one
    bash -c '. ./lpc.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lpc
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
[ "$(complete_words lpc check --ato)" = --atol ] || fail "bash: $(complete_words lpc check --ato)"
[ "$(complete_words lpc plan x.onnx --order fr)" = free ] ||
    fail "bash: $(complete_words lpc plan x.onnx --order fr)"
complete_words lpc cal | grep -qx calibrate || fail "bash offers no subcommand"
grep -q "complete -c lpc .*-l bind-input" lpc.fish || fail "fish lacks --bind-input"
grep -q -- "'\*--bind-input\[" lpc.zsh || fail "zsh lacks --bind-input"
[ "$failures" = 0 ]
