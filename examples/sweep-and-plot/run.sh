#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-out}/sweep-and-plot
stlb=/platform/tlbs/stlb/arrays/0
mmusim sweep "$here/../../traces/big-8g-4l.vmt.xz" --platform textbook --model functional ${SHORT:+--set /replay/limit=${SHORT}0} \
  --vary "entries=$stlb/entries=96,192,384,768,1536" --vary "ways=$stlb/ways=4,6,12" --out "$out"
python3 "$here/plot.py" "$out/sweep.csv" "$out/misses.svg"
