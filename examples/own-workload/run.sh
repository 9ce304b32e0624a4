#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-out}/own-workload
for pages in 4K 2M; do
  python3 "$here/hash_join.py" "${SHORT:-300000}" | mmusim replay - --platform genoa --pages "$pages" --out "$out/$pages" --force
done
