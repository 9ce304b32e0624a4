#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-out}/tlm
mkdir -p "$out"
cmake -S "$here" -B "$out/build" -DCMAKE_BUILD_TYPE=Release ${PREFIX:+-DCMAKE_PREFIX_PATH="$PREFIX"} >/dev/null
cmake --build "$out/build" >/dev/null
export SYSTEMC_DISABLE_COPYRIGHT_MESSAGE=1
"$out/build/virtual_platform" "$out" "${SHORT:-200000}" | tee "$out/counts"
mmusim replay "$out/accesses.din" --map "$out/tables.json" --platform textbook --core blocking --out "$out/replay" --force >/dev/null
python3 - "$out" <<'PYTHON'
import json, sys
totals = json.load(open(sys.argv[1] + "/replay/summary.json"))["totals"]
words = open(sys.argv[1] + "/counts").read().split()
ours = {words[i]: int(words[i + 1]) for i in range(0, 10, 2)}
print("replay:", {name: totals[name] for name in ours})
sys.exit(any(totals[name] != count for name, count in ours.items()))
PYTHON
