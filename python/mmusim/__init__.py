# SPDX-License-Identifier: MIT
"""mmusim from Python: runs, comparisons, replays and questions as functions; the functional machine and traces in this process.

FunctionalMachine and trace.open() work in this process, on NumPy arrays. Each other function starts the program `mmusim` as a worker
process and returns what it wrote, as dictionaries. The program is the one that MMUSIM_PROGRAM names, or the one installed with this
package, or the first on PATH.

    import mmusim
    result = mmusim.run("boot-base-vs-huge", variant="hugepages", set={"/platform/tlbs/stlb/arrays/0/entries": 2048})
    print(result["totals"]["walks"])
"""
from . import trace
from ._program import Error, InputError, program
from ._results import Comparison, Result, Sweep
from ._work import Platform, Scenario, compare, explain, keys, replay, run, sweep, translate
from .functional import FunctionalMachine

__all__ = ["Comparison", "Error", "FunctionalMachine", "InputError", "Platform", "Result", "Scenario", "Sweep", "compare", "explain",
           "keys", "program", "replay", "run", "sweep", "trace", "translate"]
__version__ = "0.2.0"
