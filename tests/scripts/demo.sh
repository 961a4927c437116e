#!/bin/bash
# tools/demo, with fewer images: three targets, one pipeline, at least 95 % of the answers right.
# timeout: 300
# serial
set -euo pipefail
[ -x "$LPC" ] || exit 77
[ "$LPC_BUILD" = "$LPC_SOURCE/build" ] || exit 77
command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null || exit 77
"$LPC_SOURCE/tools/demo" --quick
