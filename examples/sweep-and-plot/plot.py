# SPDX-License-Identifier: MIT
"""Misses over TLB size, one line for each associativity, as an SVG. usage: plot.py SWEEP.csv OUT.svg"""
import csv
import math
import sys

lines = {}
with open(sys.argv[1]) as file:
    for row in csv.DictReader(file):
        lines.setdefault(int(row["ways"]), []).append((int(row["entries"]), int(row["stlb_misses"])))
entries = sorted({e for line in lines.values() for e, _ in line})
most = max(m for line in lines.values() for _, m in line)


def place(size, misses):
    return 60 + 480 * math.log(size / entries[0]) / math.log(entries[-1] / entries[0]), 20 + 260 * (1 - misses / max(most, 1))


svg = ['<svg xmlns="http://www.w3.org/2000/svg" width="620" height="330" font-family="sans-serif" font-size="12">']
for number, (ways, line) in enumerate(sorted(lines.items())):
    colour = ("#1b6ca8", "#c0392b", "#2e7d32", "#8e44ad")[number % 4]
    points = [place(*point) for point in sorted(line)]
    svg.append(f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
    svg.append(f'<text x="{points[-1][0] + 6:.1f}" y="{points[-1][1] + 14 * number:.1f}" fill="{colour}">{ways} ways</text>')
svg += [f'<text x="{place(e, 0)[0]:.1f}" y="300" text-anchor="middle">{e}</text>' for e in entries]
svg += [f'<text x="4" y="24">{most:,}</text><text x="4" y="284">0</text>',
        '<text x="300" y="322" text-anchor="middle">entries of the second-level TLB; misses</text></svg>']
with open(sys.argv[2], "w") as file:
    file.write("\n".join(svg) + "\n")
print(f"{sys.argv[2]}: {sum(map(len, lines.values()))} points")
