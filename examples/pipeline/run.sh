#!/bin/sh
# Three stages, one for each device, run here as three programs (those for arm64 under qemu-user).
#
#   examples/pipeline/run.sh [OUT]      OUT: a folder to make, ./pipeline-out if not given
#
# LPC names the lpc to use. On real devices each program is started by hand: see the README.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lpc=${LPC:-lpc}
out=${1:-pipeline-out}
model=${MODEL:-$here/../../models/digits/digits.onnx}
"$lpc" "$model" --targets pc,pi,android -o "$out"
"$lpc" run "$out" --repeat 20
