# SPDX-License-Identifier: MIT
"""Results: what summary.json, compare.json and sweep.sqlite hold."""
import contextlib
import json
import os
import sqlite3


class Result(dict):
    """summary.json of a run or a replay (docs/outputs.md), and where its files are.

    `folder` is the folder with the results, None if it was temporary."""

    def __init__(self, summary, folder):
        super().__init__(summary)
        self.folder = folder

    @classmethod
    def read(cls, folder, keep=True):
        with open(os.path.join(folder, "summary.json")) as file:
            return cls(json.load(file), folder if keep else None)

    def phases(self):
        """A list of flat dictionaries, one for each phase: stage, kind and totals; what pandas.DataFrame takes."""
        return [{"stage": p["stage"], "name": p["name"], "timed": p["timed"], **p["totals"]} for p in self["phases"]]

    def to_pandas(self):
        """The phases as a pandas.DataFrame. Needs pandas."""
        import pandas
        return pandas.DataFrame(self.phases())


class Comparison(dict):
    """compare.json, and the result of each side by its label in `results`."""

    def __init__(self, comparison, results):
        super().__init__(comparison)
        self.results = results

    @property
    def headline(self):
        return self["headline"]

    def table(self):
        """A list of flat dictionaries, one for each metric and run: metric, unit, run, mean, ci95, n, ratio."""
        return [{"metric": m["key"], "unit": m["unit"], "run": run, **value}
                for m in self["metrics"] for run, value in m["runs"].items() if value]

    def to_pandas(self):
        """The table as a pandas.DataFrame. Needs pandas."""
        import pandas
        return pandas.DataFrame(self.table())


class Sweep(list):
    """The points of a sweep in their order, a dictionary each: the columns of docs/sweeps.md, `summary` as in a Result.

    `folder` is the folder with the results, None if it was temporary."""

    def __init__(self, points, folder):
        super().__init__(points)
        self.folder = folder

    @classmethod
    def read(cls, folder, keep=True):
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "sweep.sqlite"))) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT * FROM points WHERE number IS NOT NULL ORDER BY number").fetchall()
        points = [{**row, "summary": json.loads(row["summary"]) if row["summary"] else None} for row in map(dict, rows)]
        return cls(points, folder if keep else None)

    def column(self, name):
        """A column as a NumPy array. Needs NumPy."""
        import numpy
        return numpy.array([point[name] for point in self])

    def to_pandas(self):
        """The points as a pandas.DataFrame, without their summaries. Needs pandas."""
        import pandas
        return pandas.DataFrame([{name: value for name, value in point.items() if name != "summary"} for point in self])
