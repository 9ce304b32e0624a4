# SPDX-License-Identifier: MIT
"""What must not depend on how a case is driven, and what must hold within one execution. Open this file first."""

import identities

# Totals that the functional model has too.
COUNTS = ("accesses", "lookups", "l1_dtlb_misses", "stlb_misses", "walks", "entry_reads")


def differences(a, b, place=""):
    """Returns the places where two documents differ, with both values; at most a few."""
    if isinstance(a, dict) and isinstance(b, dict):
        found = []
        for key in dict.fromkeys([*a, *b]):
            if len(found) >= 4:
                break
            found += differences(a.get(key, "nothing"), b.get(key, "nothing"), f"{place}/{key}")
        return found
    return [] if a == b else [f"{place}: {str(a)[:80]} against {str(b)[:80]}"]


def of_first_core(counters):
    """Returns the counters without those of further cores: what these do while they idle is in no trace."""
    return {key: value for key, value in counters.items() if key == "core0" or not key.startswith("core")}


class Violation(Exception):
    """A promise that a case shows to be broken: `check` names it, `what` tells how."""

    def __init__(self, check, what):
        super().__init__(f"{check}: {what}")
        self.check, self.what = check, what


class Checker:
    """Checks one case: (a) to (g) of README.md."""

    def __init__(self, runner, case):
        self.runner, self.case = runner, case

    def check(self):
        """Throws Violation, or returns a word on how the case went."""
        record = ("--record", "record.mmt") if "scenario" in self.case else ()
        base = self.runner.execute(self.case, "base", ("--events", "all", *record))
        if base.refused() and "has accesses of its own" in base.said:  # a trace holds the accesses of one core
            record = ()
            base = self.runner.execute(self.case, "base", ("--events", "all"))
        if base.died():
            raise Violation("alive", base.ended())
        self.check_driving(base)
        if base.refused():
            return "refused"
        if base.summary is None:
            if base.code == 1 and "are used up by" in base.said:  # by pages that the trace touches: nothing was measured
                return "memory used up"
            raise Violation("summary", "there is none: " + base.ended())
        identities.check_log(base.log(), base.summary, self.measures_all())
        identities.check_summary(base.summary, self.warms_up())
        if base.code == 0 and record:
            self.check_record(base)
        if base.code == 0 and "scenario" not in self.case:
            self.check_functional(base, None)
        return "failed job" if base.code == 1 else "done"

    def measures_all(self):
        options = self.case.get("options", {})
        return not options.get("warmup") and not options.get("skip")

    def warms_up(self):
        """True if a phase has accesses that the run counts and the phase does not."""
        return any(phase.get("warmup") for phase in self.case.get("scenario", {}).get("phases", []))

    def blocking(self):
        """True if the core is surely the blocking one, whose functional counts are equal: not if translations are prefetched,
        which takes no time there, nor on several cores that share page tables, whose pages they touch first in another order."""
        platform = self.case.get("platform") or self.case.get("scenario", {}).get("platform")
        return (isinstance(platform, dict) and platform.get("core", {}).get("model") == "blocking" and
                (platform.get("cores", 1) == 1 or "core_traces" in self.case) and "prefetcher" not in platform.get("tlbs", {}))

    def unlike(self, base, options):
        """Executes the case with other options; returns how that differs from `base`."""
        other = self.runner.execute(self.case, "other", options)
        if other.code != base.code:
            return [f"{base.ended()} against {other.ended()}"]
        return [] if base.summary is None else differences(base.summary, other.summary)

    def check_driving(self, base):
        """(b), (c), (e): all at once, and one by one only if that shows something."""
        all_together = self.unlike(base, ("--events", "none", "--lock-step", "--paranoid"))
        if not all_together:
            if not self.blocking() or self.case["seed"] % 4 == 0:
                found = self.unlike(base, ("--events", "none"))
                if found:
                    raise Violation("events", "; ".join(found))
            return
        for check, options in (("events", ("--events", "none")), ("lock-step", ("--events", "all", "--lock-step")),
                               ("lock-step without events", ("--events", "none", "--lock-step")),
                               ("paranoid", ("--events", "all", "--paranoid"))):
            found = self.unlike(base, options)
            if found:
                raise Violation(check, "; ".join(found))
        raise Violation("driving", "only all together: " + "; ".join(all_together))

    def check_record(self, base):
        """(d): a replay of the record has the same counters."""
        again = self.runner.execute(self.case, "replay", record_of=base)
        if again.code != 0:
            raise Violation("replay", again.ended())
        if self.flushes_between_cores(base):
            equal_accesses = differences({"accesses": base.summary["totals"]["accesses"]},
                                         {"accesses": again.summary["totals"]["accesses"]}, "/totals")
            if equal_accesses:
                raise Violation("replay", "; ".join(equal_accesses))
            return
        for part in ("totals", "machine", "counters"):
            found = differences(of_first_core(base.summary[part]), of_first_core(again.summary[part]), f"/{part}")
            if found:
                raise Violation("replay", "; ".join(found))
        self.check_functional(base, base)

    def flushes_between_cores(self, base):
        """True if flushes took the time that they take between several cores, which no record of one core holds."""
        platform = self.case["scenario"].get("platform", {})
        return platform.get("cores", 1) > 1 and base.summary["kernel"]["flushes"] != 0

    def check_functional(self, base, record_of):
        """(a): the functional model counts the same."""
        if not self.blocking():
            return
        counted = self.runner.execute(self.case, "functional", ("--model", "functional"), record_of)
        if counted.code != base.code:
            raise Violation("functional", counted.ended())
        cycle = {key: base.summary["totals"][key] for key in COUNTS}
        found = differences(cycle, {key: counted.summary["totals"][key] for key in COUNTS}, "/totals")
        if found:
            raise Violation("functional", "; ".join(found))
