#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-out}/shoot-down
mmusim compare "$here/flushes.json" --out "$out/compared" --force
mmusim run "$here/flushes.json" --variant per-folio --events ipis --timeline "$out/timeline.json" --out "$out/per-folio" --force
