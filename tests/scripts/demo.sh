#!/bin/bash
# tools/demo, with fewer images: three targets, one pipeline, at least 95 % of the answers right.
# timeout: 300
# serial
set -euo pipefail
[ -x "$LPC" ] || { echo "demo: needs lpc: skipped"; exit 77; }
[ "$LPC_BUILD" = "$LPC_SOURCE/build" ] || { echo "demo: needs the build folder build: skipped"; exit 77; }
command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null || { echo "demo: needs qemu-aarch64 and a cross compiler: skipped"; exit 77; }
"$LPC_SOURCE/tools/demo" --quick
