#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
out=${OUT:-out}/own-boot
mkdir -p "$out"
mmusim scenario --from "${1:?usage: run.sh LOG}" --ask hvo -o "$out/hvo.json"
mmusim compare "$out/hvo.json" ${SHORT:+--set /phases/5/warmup=0 --set /phases/5/limit=$SHORT} --out "$out/hvo" --force
