#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
set -euo pipefail
mmusim compare guest-vmemmap ${SHORT:+--set /phases/1/warmup=0 --set /phases/1/limit=$SHORT} --out "${OUT:-out}/guest" --force
mmusim explain 0xffffea0000000000 --scenario guest-vmemmap --variant guest-over-4k-base
