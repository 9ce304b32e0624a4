#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
out=${OUT:-out}/trace-from-valgrind
mkdir -p "$out"
valgrind --tool=lackey --trace-mem=yes --log-fd=9 ls / 9>&1 >/dev/null 2>/dev/null | mmusim trace convert - "$out/ls.mmt.zst"
mmusim replay "$out/ls.mmt.zst" --platform skylake-sp --core window --warmup 20000i --limit 500Ki --out "$out/replay" --force
mmusim replay "$out/ls.mmt.zst" --platform skylake-sp --model functional --what-if --out "$out/what-if" --force
