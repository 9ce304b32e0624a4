#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
dump=${1:?usage: run.sh DUMP}
mmusim explain pfn:0x1000 --image "$dump" --cr3 kernel --platform milan
mmusim verify "$dump"
