#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mmusim validate "$here/mine.json"
mmusim compare boot-base-vs-huge --platform milan --platform "$here/mine.json" ${SHORT:+--set /phases/1/limit=$SHORT} --out "${OUT:-out}/own-processor" --force
