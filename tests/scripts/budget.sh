#!/bin/bash
# Compiled stages hold to their plan: each runs in a memory control group that is limited to what the plan
# gives it (weights, workspace, state, queues, code and runtime), and the outputs are those of one stage.
# With devices just large enough, the planner's choice runs within them. A limit below its weights kills
# a stage, which the test notices. Needs control groups that can be made: root, version 1 or 2.
# timeout: 600
# serial
set -euo pipefail
in_group=$LPC_BUILD/tests/bin/in_group
[ -x "$LPC" ] && [ -x "$in_group" ] || { echo "budget: needs lpc and its helper in_group: skipped"; exit 77; }
command -v python3 >/dev/null || { echo "budget: needs python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
scripts=$LPC_SOURCE/tests/scripts
python3 "$scripts/vision_models.py" "$work" >"$work/made"
python3 "$scripts/budget.py" "$LPC" "$in_group" "$work" "$SHARED/models" \
    "$LPC_SOURCE/models/digits/digits.onnx" "$@"
echo "budget: every stage within its plan"
