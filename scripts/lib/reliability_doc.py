# SPDX-License-Identifier: MIT
"""The tables of docs/reliability.md, which scripts write between markers."""
import os

DOC = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "reliability.md")


def _parts(name):
    with open(DOC) as f:
        document = f.read()
    head, begin, rest = document.partition(f"<!-- begin {name} -->\n")
    block, end, tail = rest.partition(f"<!-- end {name} -->")
    if not end:
        raise SystemExit(f"{DOC}: no block {name}")
    return head + begin, block, end + tail


def read_block(name):
    """What stands between the markers of that name."""
    return _parts(name)[1]


def write_block(name, text):
    """Replaces it."""
    head, _, tail = _parts(name)
    with open(DOC, "w") as f:
        f.write(head + text + "\n" + tail)
