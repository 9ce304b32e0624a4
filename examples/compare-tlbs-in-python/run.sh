#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=$here/../../python${PYTHONPATH:+:$PYTHONPATH} python3 "$here/tlbs.py" "$here/../../traces/big-8g-4l.vmt.xz" "${SHORT:-1000000}"
