# SPDX-License-Identifier: MIT
"""Traces as NumPy arrays."""
import os

from .functional import native


def __getattr__(name):
    if name == "DTYPE":
        return native().DTYPE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Trace:
    """A trace file being read: iterate over it for blocks of accesses, arrays of `DTYPE` with the fields va, bytes, kind (0 read,
    1 write, 2 fetch), flags (bit 0: made by a user), depends_on, gap and also_depends_on (traces/README.md). Events between the
    accesses (changes of address spaces, invalidations, markers) are left out."""

    def __init__(self, path, form=None, block=65536, salvage=False):
        if block < 16:
            raise ValueError(f"block: got {block}, expected at least 16")
        self._trace = native().Trace(os.fspath(path), form or "", block, salvage)

    def __iter__(self):
        return self

    def __next__(self):
        block = self._trace.next() if self._trace is not None else None
        if block is None:
            raise StopIteration
        return block

    @property
    def info(self):
        """What the file says of itself: file, form, compression, notes, damage."""
        if self._trace is None:
            raise ValueError("info: the trace is closed")
        return self._trace.info()

    def close(self):
        """Stops reading."""
        self._trace = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def open(path, *, form=None, block=65536, salvage=False):
    """Opens a trace of any form that mmusim reads, compressed or not.

    `form`: its name where content does not tell. `block`: accesses of a block at most. `salvage`: take what is whole of a
    damaged trace.

        for block in mmusim.trace.open("ls.mmt.zst"):
            pages = np.unique(block["va"] >> 12)
    """
    return Trace(path, form, block, salvage)
