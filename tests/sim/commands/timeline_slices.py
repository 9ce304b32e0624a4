# SPDX-License-Identifier: MIT
"""Checks that the slices of a timeline can be drawn."""
import collections


def overlapping(events):
    """Pairs of slices of one track that neither nest nor follow each other, in whole nanoseconds as Perfetto reads them."""
    tracks = collections.defaultdict(list)
    for e in events:
        if e["ph"] == "X":
            begin, length = round(e["ts"] * 1000), round(e["dur"] * 1000)
            tracks[e["pid"], e["tid"]].append((begin, -(begin + length), e["name"]))
    found = []
    for slices in tracks.values():
        around = []  # the slices that are open, outermost first
        for slice in sorted(slices):
            while around and -around[-1][1] <= slice[0]:
                around.pop()
            if around and -slice[1] > -around[-1][1]:
                found.append((around[-1], slice))
            around.append(slice)
    return found
