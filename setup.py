# SPDX-License-Identifier: MIT
"""Builds what `pip install .` installs beside the Python files: the extension module and the program, by CMake. With MMUSIM_BUILD, the
folder of a CMake build, they are taken from there."""
import os
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join("build", "pip")  # where the program stands until it is installed


def built(folder):
    """The CMake build to take from, made if none was named."""
    if os.environ.get("MMUSIM_BUILD"):
        return os.environ["MMUSIM_BUILD"]
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DMMUSIM_BUILD_TESTS=OFF", "-DMMUSIM_BUILD_BENCH=OFF", f"-DPython_EXECUTABLE={sys.executable}"]
    try:
        import pybind11
        options.append(f"-DPYBIND11_INCLUDE={pybind11.get_include()}")
    except ImportError:
        pass  # CMake looks where the system has it
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, *options], check=True)
    # A number, since `make -j` alone starts every compiler at once.
    subprocess.run(["cmake", "--build", folder, "--parallel", str(len(os.sched_getaffinity(0))), "--target", "mmusim", "python_module"],
                   check=True)
    return folder


class Build(build_ext):
    def build_extension(self, extension):
        build = built(os.path.abspath(os.path.join(self.build_temp, "cmake")))
        module = self.get_ext_fullpath(extension.name)
        os.makedirs(os.path.dirname(module), exist_ok=True)
        shutil.copy(os.path.join(build, "python", "mmusim", os.path.basename(module)), module)
        os.makedirs(OURS, exist_ok=True)
        shutil.copy(os.path.join(build, "mmusim"), OURS)


def data(folder):
    """The files below a folder, for share/mmusim."""
    return [(os.path.join("share/mmusim", where), [os.path.join(where, name) for name in names])
            for where, _, names in os.walk(folder) if names]


setup(ext_modules=[Extension("mmusim._native", [])], cmdclass={"build_ext": Build},
      data_files=[("bin", [os.path.join(OURS, "mmusim")]), *data("configs"), *data("traces")])
