#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every planted fault still has its text in the sources, and its test program: what scripts/mutation_check needs."""

import os
import re
import sys

sys.dont_write_bytecode = True
from faults import FAULTS, complaints

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_programs():
    names = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "tests")):
        if "CMakeLists.txt" in files:
            with open(os.path.join(folder, "CMakeLists.txt"), encoding="utf-8") as text:
                names.update(re.findall(r"mmusim_test\((\w+)", text.read()))
    return names


said = complaints(ROOT)
said += [f"{fault.name}: there is no test program {fault.program}" for fault in FAULTS if fault.program not in test_programs()]
said += [f"{fault.name}: changes nothing" for fault in FAULTS if fault.right == fault.wrong]
print("\n".join(said))
sys.exit(1 if said else 0)
