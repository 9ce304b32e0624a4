# SPDX-License-Identifier: MIT
"""The program `mmusim` as a worker process, and its errors as exceptions."""
import os
import re
import shutil
import subprocess


class Error(Exception):
    """The program failed; `code` is its exit code (docs/reliability.md)."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class InputError(Error):
    """What was given is wrong. `pointer` is the JSON pointer of the key, if the message names one."""

    def __init__(self, message, code=2):
        super().__init__(message, code)
        found = re.search(r"(?:: |--set )(/[\w~./-]+)(?=[:=])", message)
        self.pointer = found.group(1) if found else None


def program():
    """Path of the program that does the work."""
    named = os.environ.get("MMUSIM_PROGRAM")
    if named:
        return named
    beside = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4, "bin", "mmusim"))
    if os.path.exists(beside):  # PREFIX/lib/python3/dist-packages/mmusim
        return beside
    found = shutil.which("mmusim")
    if not found:
        raise FileNotFoundError("mmusim: no such program on PATH; MMUSIM_PROGRAM names one elsewhere")
    return found


def call(*arguments, given=None, accept=(0,)):
    """Runs a command; returns what it printed. Raises InputError for exit code 2, Error for others."""
    done = subprocess.run([program(), *arguments], input=given, capture_output=True, text=True)
    if done.returncode not in accept:
        message = (done.stderr or done.stdout).strip()
        raise InputError(message) if done.returncode == 2 else Error(message, done.returncode)
    return done.stdout
