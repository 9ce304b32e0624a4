#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-out}/own-replacement-policy
cmake -S "$here" -B "$out" -DCMAKE_BUILD_TYPE=Release ${PREFIX:+-DCMAKE_PREFIX_PATH="$PREFIX"} >/dev/null
cmake --build "$out" >/dev/null
SYSTEMC_DISABLE_COPYRIGHT_MESSAGE=1 "$out/own_replacement_policy" ${SHORT:+"$SHORT"}
