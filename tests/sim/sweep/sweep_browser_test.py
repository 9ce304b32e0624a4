#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of a sweep in headless Chromium: its charts are drawn and nothing stands on the console.
usage: sweep_browser_test.py MMUSIM SOURCE; exits 77 (skipped) where there is no chromium"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))
from report_browser_test import browse, requests_to_a_network  # noqa: E402

TLB = "/platform/tlbs/stlb/arrays/0/"


def main(mmusim, source):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return 77
    trace = source + "/traces/ops-512m-4l.vmt.xz"
    for axes, charts in ((["entries=" + TLB + "entries=96,384,1536"], 1),
                         (["entries=" + TLB + "entries=96,384,1536", "ways=" + TLB + "ways=6,12",
                           "walkers=/platform/page_walkers/walkers=1,2"], 2)):
        with tempfile.TemporaryDirectory() as work:
            words = [word for axis in axes for word in ("--vary", axis)]
            subprocess.run([mmusim, "sweep", trace, "--platform", "textbook", "--model", "functional", "--set",
                            "/replay/limit=3000", "--out", work + "/o", *words], check=True, stdout=subprocess.DEVNULL)
            for flags in ([], ["--window-size=500,900"]):
                page, net = browse(chromium, work + "/o/report.html", work, *flags)
                assert page.drawn == page.svgs >= charts, (axes, page.drawn, page.svgs)
                assert page.shapes > 5, page.shapes
                assert page.rows > 3, page.rows
                assert not requests_to_a_network(net), requests_to_a_network(net)
                shutil.rmtree(work + "/profile", ignore_errors=True)
            # A script error is seen: the test can fail.
            with open(work + "/o/report.html") as file:
                broken = file.read().replace("vega.parse(", "vega.parsed(")
            with open(work + "/broken.html", "w") as file:
                file.write(broken)
            try:
                browse(chromium, work + "/broken.html", work)
            except AssertionError as error:
                assert "vega.parsed" in str(error), error
            else:
                raise AssertionError("a broken page passes")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(os.path.abspath(path) for path in sys.argv[1:3])))
