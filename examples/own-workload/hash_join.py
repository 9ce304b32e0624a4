# SPDX-License-Identifier: MIT
"""A hash join: N rows into a hash table, then N probes. usage: hash_join.py N"""
import random
import sys

ROWS, TABLE, BUCKET = 0x10000000, 0x7f0000000000, 16
rows = int(sys.argv[1])
dice = random.Random(1)
buckets = [dice.randrange(2 * rows) for _ in range(rows)]
for i, bucket in enumerate(buckets):  # build: read the row, write its bucket
    print(f"r {ROWS + 32 * i:x} 8\nw {TABLE + BUCKET * bucket:x} {BUCKET}")
for i in range(rows):  # probe: read a row of the other side, then the bucket
    print(f"r {ROWS + 32 * (rows + i):x} 8\nr {TABLE + BUCKET * buckets[dice.randrange(rows)]:x} {BUCKET}")
