#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`mmusim sweep --slurm` on a real Slurm of one machine, with tasks that are killed, requeued and cancelled.
usage: slurm_test.py MMUSIM SOURCE_DIR; exits 77 (skipped) where Slurm is not installed or this is not root"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sweep_test import ENTRIES, WAYS, SweepTest  # noqa: E402 (reads the arguments as this does)

CONFIGURATION = """ClusterName=here
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.pid
SlurmctldLogFile={folder}/log/ctld.log
SlurmdLogFile={folder}/log/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmctldPort={port}
SlurmdPort={port1}
MpiDefault=none
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """Slurm on this machine, without systemd."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="slurm")
        for name in ("state", "spool", "run", "log"):
            os.mkdir(os.path.join(self.folder, name))
        os.chmod(self.folder, 0o755)
        key = os.path.join(self.folder, "munge.key")
        with open(key, "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(key, 0o600)
        host = subprocess.check_output(["hostname", "-s"], text=True).strip()
        port = 20000 + os.getpid() % 20000
        with open(os.path.join(self.folder, "slurm.conf"), "w") as file:
            file.write(CONFIGURATION.format(folder=self.folder, host=host, port=port, port1=port + 1))
        os.environ["PATH"] += ":/usr/sbin"
        os.environ["SLURM_CONF"] = os.path.join(self.folder, "slurm.conf")
        run = os.path.join(self.folder, "run")
        subprocess.run(["munged", "--key-file=" + key, f"--socket={run}/munge.socket", f"--pid-file={run}/munged.pid",
                        f"--log-file={self.folder}/log/munged.log", f"--seed-file={run}/munged.seed", "--force"], check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["slurmctld"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["slurmd"], check=True, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if "idle" in subprocess.run(["sinfo", "-h"], capture_output=True, text=True).stdout:
                return
            time.sleep(0.2)
        raise RuntimeError("Slurm did not start: " + subprocess.run(["sinfo"], capture_output=True, text=True).stdout)

    def stop(self):
        for name in ("slurmd", "slurmctld", "munged"):
            try:
                with open(os.path.join(self.folder, "run", name + ".pid")) as file:
                    os.kill(int(file.read()), signal.SIGTERM)
            except (OSError, ValueError):
                pass
        time.sleep(1)
        shutil.rmtree(self.folder, ignore_errors=True)


def running_tasks():
    lines = subprocess.run(["squeue", "-h", "-r", "-o", "%i %T"], capture_output=True, text=True).stdout.splitlines()
    return [task for task, state in map(str.split, lines) if state == "RUNNING"]


def disturb(process, draw, times):
    """Requeues, cancels and kills random tasks, each that many times, until the process ends; returns how many."""
    done = {"requeued": 0, "cancelled": 0, "killed": 0}
    while process.poll() is None:
        running = running_tasks()
        deed = min(done, key=done.get)
        if running and done[deed] < times:
            task = draw.choice(running)
            command = {"requeued": ["scontrol", "requeue", task], "cancelled": ["scancel", task],
                       "killed": ["scancel", "--signal=KILL", "--batch", task]}[deed]
            done[deed] += subprocess.run(command, capture_output=True).returncode == 0
        time.sleep(0.2)
    return done


class RealSlurm(SweepTest):
    def test_killed_requeued_and_cancelled_tasks_change_nothing(self):
        arguments = [self.trace(6000, 900), "--vary", ENTRIES + "64,128,256,512", "--vary", WAYS + "4,8", "--repeat", "20"]
        self.sweep(*arguments, out="undisturbed")
        process = subprocess.Popen(
            [sys.argv[1], "sweep", *arguments, "--out", self.path("out"), "--slurm", "--chunk", "10"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        done = disturb(process, random.Random(3), times=2)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("160 of 160 points done", output)
        self.assertGreater(min(done.values()), 0, done)
        self.assertEqual(self.csv(), self.csv("undisturbed"))
        self.assertEqual(self.lasting(), self.lasting("undisturbed"))


if __name__ == "__main__":
    needed = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
    if os.geteuid() != 0 or not all(shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") for name in needed):
        sys.exit(77)
    cluster = Cluster()
    try:
        result = unittest.main(argv=sys.argv[:1], exit=False, defaultTest="RealSlurm").result
    finally:
        cluster.stop()
    sys.exit(0 if result.wasSuccessful() else 1)
