#!/bin/bash
# No circles between files or folders of lpc's own code (docs/architecture.md), but natural recursion.
set -euo pipefail
command -v nm >/dev/null && command -v python3 >/dev/null || { echo "circles: needs nm and python3"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 python3 "$LPC_SOURCE/tests/scripts/circles.py" "$LPC_BUILD" "$LPC_SOURCE"
