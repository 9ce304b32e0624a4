# SPDX-License-Identifier: MIT
"""Second-level TLB misses of a trace by the size of that TLB. usage: tlbs.py TRACE [ACCESSES]"""
import sys

import mmusim

platform = mmusim.Platform("textbook")
print("entries  STLB misses")
for entries in (96, 192, 384, 768, 1536):
    platform["/tlbs/stlb/arrays/0/entries"] = entries
    totals = mmusim.replay(sys.argv[1], platform=platform, model="functional", limit=int(sys.argv[2]) if len(sys.argv) > 2 else None)["totals"]
    print(f"{entries:7}  {totals['stlb_misses']:11,}")
