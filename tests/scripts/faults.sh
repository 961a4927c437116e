#!/bin/bash
# Stages that are killed, ended and halted while four clients use them: every client gets every answer, its own,
# in order, and soon. Options go to faults.py: --faults N of each kind of pipeline (15 in the suite; 334 make a thousand), --seed S.
# timeout: 300
# serial
set -euo pipefail
[ -x "$LPC" ] || { echo "faults: needs lpc: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "faults: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'pkill -KILL -f "^$work/" || true; rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 "$LPC_SOURCE/tests/scripts/faults.py" "$LPC" "$work" "$LPC_SOURCE/models/digits/digits.onnx" \
    "$SHARED/models" "$@"
