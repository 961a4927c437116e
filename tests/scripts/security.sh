#!/bin/bash
# Links between machines: who has no key, a wrong one, an old one or a recorded session gets nothing, and holds up nobody
# (security.py). Options go there: --connections N of strangers (3000).
# timeout: 200
# serial
set -euo pipefail
[ -x "$LPC" ] || { echo "security: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "security: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
"$LPC" "$LPC_SOURCE/models/digits/digits.onnx" -o "$work/probe" --quiet
if "$work/probe/host/stage" --help | grep -q 'without mbed TLS'; then
    echo "security: built without mbed TLS: skipped"
    rm -rf "$work"
    exit 77
fi
trap 'pkill -KILL -f "^$work/" || true; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/security.py" "$LPC" "$work" "$LPC_SOURCE/models/digits/digits.onnx" "$@"
