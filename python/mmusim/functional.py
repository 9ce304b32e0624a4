# SPDX-License-Identifier: MIT
"""The functional machine in this process."""
import json

from ._work import Platform

_KINDS = {"read": 0, "write": 1, "fetch": 2}


def native():
    """mmusim._native, or an ImportError that says how to get it."""
    try:
        from . import _native
    except ImportError as error:
        raise ImportError("mmusim: FunctionalMachine and trace.open() need the extension module, which the CMake build makes where "
                          f"pybind11 is installed (cmake --install puts it beside the package): {error}") from error
    return _native


class FunctionalMachine:
    """TLBs, paging-structure caches and page walks without time, in this process: the counts of
    `mmusim replay --model functional` at its speed, for addresses in NumPy arrays.

    `platform`: name, path, Platform or dictionary. Pages are mapped when they are first touched; `pages` ("4K", "2M", "1G",
    "thp", "thp:PROBABILITY"), `frames` ("sequential", "random", "fragmented:INDEX"), `levels` (4 or 5) and `seed` are as the
    options of `mmusim replay`.

        machine = mmusim.FunctionalMachine("milan")
        machine.access(np.arange(0, 1 << 30, 64, dtype=np.uint64))
        print(machine.totals["stlb_misses"])
    """

    def __init__(self, platform="milan", *, pages="4K", frames="sequential", levels=4, seed=1):
        if not isinstance(platform, Platform):
            platform = Platform(platform)
        self._machine = native().FunctionalMachine(json.dumps(platform.document), pages, frames, levels, seed)

    def access(self, addresses, kind="read", *, bytes=8, user=False):
        """Makes accesses in order, and returns the counts of these alone.

        `addresses`: an array or list of virtual addresses (any integers), or a block of trace.open(), whose records say the rest
        themselves. `kind`: "read", "write" or "fetch"."""
        if kind not in _KINDS:
            raise ValueError(f"kind: got {kind!r}, expected one of {', '.join(_KINDS)}")
        before = self.totals
        import numpy  # here, because all else works without it

        addresses = numpy.asarray(addresses)
        if addresses.dtype.names:
            self._machine.play(addresses)
        else:
            self._machine.access(addresses, _KINDS[kind], bytes, user)
        return {name: count - before[name] for name, count in self.totals.items()}

    @property
    def totals(self):
        """Counts since the machine was made: "totals" of a summary (docs/outputs.md), without cycles."""
        return self._machine.totals()

    @property
    def faults(self):
        """Accesses that raised an exception."""
        return self._machine.faults()
