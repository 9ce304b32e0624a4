#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report in headless Chromium: every chart drawn, nothing on the console, nothing asked of a network.
usage: report_browser_test.py MMUSIM; exits 77 (skipped) where there is no chromium"""
import html.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Page(html.parser.HTMLParser):
    """Counts what the browser made of the report."""

    def __init__(self, dom):
        super().__init__()
        self.svgs, self.shapes, self.sections, self.rows, self.drawn = 0, 0, [], 0, None
        self.feed(dom)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.drawn = int(attributes.get("data-drawn", -1))
        self.svgs += tag == "svg"
        self.rows += tag == "tr"
        if tag == "path" and attributes.get("d"):
            self.shapes += 1
        if tag == "section":
            self.sections.append(attributes["id"])


def browse(chromium, path, work, *flags):
    net = os.path.join(work, "net.json")
    result = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--enable-logging=stderr", "--v=0",
         "--user-data-dir=" + os.path.join(work, "profile"), "--log-net-log=" + net, "--virtual-time-budget=5000", *flags,
         "--dump-dom", "file://" + path], capture_output=True, text=True, timeout=120)
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    assert not console, "\n".join(console)
    return Page(result.stdout), net


def requests_to_a_network(net):
    """URLs of the page's own requests; the browser's housekeeping has no file:// initiator."""
    with open(net) as f:
        text = f.read()
    try:
        log = json.loads(text)
    except json.JSONDecodeError:  # the browser may quit before it closes the list
        log = json.loads(text.rstrip().rstrip(",") + "]}")
    found = []
    for event in log["events"]:
        parameters = event.get("params", {})
        if str(parameters.get("initiator", "")).startswith("file") or parameters.get("initiator") == "null":
            url = parameters.get("url", "")
            if url.startswith(("http:", "https:", "ws:", "wss:")):
                found.append(url)
    return found


def main(mmusim):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return 77
    with tempfile.TemporaryDirectory() as work:
        scenario = os.path.join(work, "s.json")
        with open(scenario, "w") as f:
            json.dump({"name": "small", "platform": "textbook", "kernel": {"version": "6.1"},
                       "memory": {"ranges": [{"start": "0x1000", "end": "0x20000000", "node": 0}], "reserved": []},
                       "phases": [{"phase": "boot"}, {"phase": "workload", "stage": "scan", "kind": "linear_pfn_scan"}],
                       "variants": {"basepages": {}, "hugepages": {}}}, f)
        out = os.path.join(work, "out")
        subprocess.run([mmusim, "compare", scenario, "--out", out, "--program", os.path.join(HERE, "..", "commands", "fake_run.py")], check=True,
                       stdout=subprocess.DEVNULL)
        for flags in ([], ["--blink-settings=preferredColorScheme=0"], ["--window-size=500,900"]):
            page, net = browse(chromium, os.path.join(out, "report.html"), work, *flags)
            assert page.sections == ["compared", "numbers", "phases", "latency", "hits", "cycles", "time", "populate", "tables", "counters"], page.sections
            assert page.drawn == page.svgs == 8, (page.drawn, page.svgs)
            assert page.shapes > 60, page.shapes  # bars, lines and areas are paths
            assert page.rows > 40, page.rows
            assert not requests_to_a_network(net), requests_to_a_network(net)
            shutil.rmtree(os.path.join(work, "profile"), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
