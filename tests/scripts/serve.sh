#!/bin/bash
# lpc serve: many clients at once, over the wire and over HTTP, each with its own answers; stages that die under load;
# what is wrong with a request; health, metrics, the end. serve.py holds the cases.
# timeout: 300
# serial
set -euo pipefail
[ -x "$LPC" ] || { echo "serve: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "serve: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'pkill -KILL -f "^$work/" || true; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/serve.py" "$LPC" "$work" "$LPC_SOURCE/models/digits/digits.onnx" \
    "$SHARED/models" "$@"
