# SPDX-License-Identifier: MIT
"""Every example of `mmusim COMMAND --help` runs, in a fresh folder that has the files it names. Long ones run with less of
their work, which is all that is changed about them."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

MMUSIM, SOURCE = (os.path.abspath(p) for p in (sys.argv.pop(1), sys.argv.pop(1)))

# Options that make a command shorter: (a pattern of the command, what is added).
SHORTER = [(r"mmusim (run|compare) boot-base-vs-huge[^&|]*", "--set /phases/1/limit=2000"),
           (r"mmusim replay \S+\.vmt\.xz(?!.*--limit)[^&|]*", "--limit 20000")]
# Examples whose work cannot be cut, with why: their parts are run by other tests.
LEFT_OUT = {"mmusim scenario --from server.txt --ask hvo -o hvo.json && mmusim compare hvo.json": "half a minute of page faults"}


def help_of(*command):
    return subprocess.run([MMUSIM, *command, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    """All commands, those of `trace` among them."""
    def below(*command):
        text = help_of(*command)
        names = re.search(r"^Subcommands:\n((?:  .*\n?)+)", text, re.M)
        for line in names.group(1).splitlines() if names else []:
            if re.match(r"  [a-z]", line):
                yield (*command, line.split()[0])
    for command in list(below()):
        subcommands = list(below(*command))
        yield from subcommands or [command]


def examples(text):
    """The lines after "Example:" or "Examples:"; one that ends with | or inside quotes goes on in the next."""
    found = re.search(r"^Examples?:\n(.*)", text, re.M | re.S)
    lines = [line.strip() for line in found.group(1).splitlines() if line.strip()] if found else []
    whole, part = [], ""
    for line in lines:
        part = (part + "\n" if part else "") + line
        if part.endswith("|") or part.count("'") % 2 == 1:
            continue
        whole.append(part)
        part = ""
    return whole


class HelpExamples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = self.folder.name
        os.makedirs(f"{self.home}/bin")
        os.symlink(MMUSIM, f"{self.home}/bin/mmusim")
        for name in ("traces", "configs", "tests"):
            os.symlink(f"{SOURCE}/{name}", f"{self.home}/{name}")
        for name in ("big-8g-4l.vmt.xz", "bootinit-512m-4l.vmt.xz"):
            os.symlink(f"{SOURCE}/traces/{name}", f"{self.home}/{name}")
        for name in os.listdir(f"{SOURCE}/tests/data/images"):
            os.symlink(f"{SOURCE}/tests/data/images/{name}", f"{self.home}/{name}")
        shutil.copy(f"{SOURCE}/tests/data/bootlogs/base-two-nodes.txt", f"{self.home}/server.txt")
        with open(f"{self.home}/requests.txt", "w") as file:
            file.writelines(f"0x{i * 4096:x} READ {10 * i}\n" for i in range(100))
        subprocess.run(["gzip", "-k", f"{self.home}/requests.txt"], check=True)
        with open(f"{self.home}/ls.lackey", "w") as file:
            file.writelines(f" L {0x10000 + 8 * i:x},8\n" for i in range(100))
        subprocess.run(["gzip", "-k", f"{self.home}/ls.lackey"], check=True)
        self.shell("mmusim trace convert ls.lackey a.vmt.xz && mmusim trace convert ls.lackey b.champsim.zst")

    def shell(self, command):
        environment = dict(os.environ, PATH=f"{self.home}/bin:{os.environ['PATH']}")
        return subprocess.run(["bash", "-c", command], cwd=self.home, env=environment, capture_output=True, text=True,
                              timeout=120)

    def test_each_example_runs(self):
        ran = 0
        for command in commands():
            found = examples(help_of(*command))
            self.assertTrue(found, f"{command}: the help has no example")
            for example in found:
                shutil.rmtree(f"{self.home}/out", ignore_errors=True)  # results of another example would be refused
                missing = example in LEFT_OUT or ("valgrind" in example and not shutil.which("valgrind"))
                if missing or not self.prepared(example):
                    continue
                short = example
                for pattern, option in SHORTER:
                    short = re.sub(pattern, lambda m: f"{m.group(0).rstrip()} {option} ", short)
                result = self.shell(short)
                self.assertEqual(result.returncode, 0, f"{example}\n{result.stdout[-500:]}{result.stderr[-2000:]}")
                ran += 1
        self.assertGreater(ran, 25)

    def prepared(self, example):
        """Makes what the example takes from an earlier command of the user's."""
        if "report out/" in example:
            folder = re.search(r"report (\S+)", example).group(1)
            self.shell(f"mmusim compare boot-base-vs-huge --set /phases/1/limit=2000 --out {folder}")
        for folder in re.findall(r"out/(basepages|hugepages)", example):
            self.shell(f"mmusim run boot-base-vs-huge --variant {folder} --set /phases/1/limit=2000 --out out/{folder}")
        if "iomem.txt" in example:
            return False  # needs three witnesses of one machine; tests/sim/bootlog has them
        return True


if __name__ == "__main__":
    unittest.main(verbosity=2)
