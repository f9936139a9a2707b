"""A copy of the tree, its build with the library as a shared object, and its test programs."""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

SKIPPED = 77
NOT_STARTED = (126, 127)  # of the shell, and of a loader without its library
LAYERS = ("tests", "props", "fuzz")
# They test the tree's style, the gate and the install rules: what they say of a mutant is not about its behaviour.
NOT_ABOUT_BEHAVIOUR = {"tests.tidy", "tests.gate", "tests.package"}
# The programs find the library where it lies, so a mutant costs one compile and one link.
CONFIGURE = ["-G", "Ninja", "-DBUILD_SHARED_LIBS=ON", "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON", "-DCMAKE_BUILD_TYPE=None",
             "-DCMAKE_CXX_FLAGS=-O2 -DNDEBUG -fno-semantic-interposition", "-DPRUMO_PROOF=OFF", "-DPRUMO_BENCH=OFF",
             "-DPRUMO_INSTALL=OFF"]
# The first failure of a program is all that is asked for, and the same laws are tried on the same cases each time.
ENVIRONMENT = {"GTEST_FAIL_FAST": "1", "GTEST_COLOR": "no", "RC_PARAMS": "seed=20261122 noshrink=1"}
# A mutant that asks for memory without end gets none, and a crash leaves no core.
LIMITED = ["sh", "-c", 'ulimit -c 0; ulimit -v 8388608; exec "$0" "$@"']


class Trouble(Exception):
    """The run itself cannot go on."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A test as ctest runs it; `layer` is its label."""
    name: str
    layer: str
    stem: str
    command: tuple
    target: str


Outcome = collections.namedtuple("Outcome", "passed what seconds")


def files_of(root):
    """Every file that git tracks or does not ignore; without git, everything but build/."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        names = [str(path.relative_to(root)) for path in root.rglob("*")]
        names = [name for name in names if not name.startswith(("build/", ".git/"))]
    return sorted({name for name in names if (root / name).is_file()})


def copy(root, to):
    """Makes `to` the same tree, touching only what differs, so that a build there stays good."""
    wanted = files_of(root)
    for name in wanted:
        source, target = root / name, to / name
        data = source.read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        target.chmod(source.stat().st_mode & 0o777)
    kept = set(wanted)
    for path in list(to.rglob("*")):
        if path.is_file() and str(path.relative_to(to)) not in kept:
            path.unlink()


class Tree:
    """The copy at `source`, built in `build`."""

    def __init__(self, source, build, jobs):
        self.source, self.build_folder, self.jobs = source, build, jobs
        self.running, self.lock, self.programs = set(), threading.Lock(), []

    def configure(self):
        command = ["cmake", "-S", str(self.source), "-B", str(self.build_folder), *CONFIGURE]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"the tree cannot be configured:\n{done.stdout[-3000:]}")
        self.programs = self.read_programs()
        for layer in LAYERS:
            if not any(program.layer == layer for program in self.programs):
                raise Trouble(f"there is no test of layer {layer}")

    def read_programs(self):
        """From ctest's own files: ctest itself does not tell the command of a program that is not built yet."""
        out = []
        for layer in LAYERS:
            path = self.build_folder / layer / "CTestTestfile.cmake"
            if not path.is_file():
                continue
            for name, rest in re.findall(r'^add_test\(\[=*\[(.+?)\]=*\] (.+)\)$', path.read_text(), re.MULTILINE):
                command = tuple(re.findall(r'"([^"]*)"', rest))
                program = pathlib.Path(command[0])
                if name in NOT_ABOUT_BEHAVIOUR or "@" in name or not program.is_relative_to(self.build_folder):
                    continue  # @: the same program once more, under another instruction set
                out.append(Program(name, layer, name.removeprefix(layer + "."), command,
                                   str(program.relative_to(self.build_folder))))
        return out

    def build(self, targets):
        """(whether it was built, the compiler's words)"""
        command = ["ninja", "-C", str(self.build_folder), f"-j{self.jobs}", *targets]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode == 0, done.stdout

    def execute(self, command, limit):
        """(exit status, output, seconds); the status is None when it ran into the limit."""
        began = time.monotonic()
        process = subprocess.Popen([*LIMITED, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   cwd=self.build_folder, env={**os.environ, **ENVIRONMENT}, start_new_session=True)
        with self.lock:
            self.running.add(process)
        try:
            output = process.communicate(timeout=limit)[0]
            status = process.returncode
        except subprocess.TimeoutExpired:
            kill(process)
            output = process.communicate()[0]
            status = None
        with self.lock:
            self.running.discard(process)
        return status, output.decode(errors="replace"), time.monotonic() - began

    def run(self, program, limit):
        """Runs a test; `what` names what failed."""
        status, output, seconds = self.execute(program.command, limit)
        if status in NOT_STARTED:
            status, output, seconds = self.execute(program.command, limit)
            if status in NOT_STARTED:
                raise Trouble(f"{program.name} cannot be started, which says nothing of a mutant:\n{output[-1000:]}")
        if status in (0, SKIPPED):
            return Outcome(True, "", seconds)
        failed = re.search(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", output, re.MULTILINE)
        begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
        what = failed[1] if failed else begun[-1] if begun else program.stem
        if status is None:
            what += " (timeout)"
        elif not failed:
            what += f" ({signal.Signals(-status).name})" if status < 0 else f" (exit {status})"
        return Outcome(False, what, seconds)

    def run_until_failure(self, programs, limits, jobs):
        """Runs programs, `jobs` at a time, until one fails: (that program, its outcome) or None."""
        waiting = collections.deque(programs)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            running = {}
            while waiting or running:
                while waiting and len(running) < jobs:
                    program = waiting.popleft()
                    running[pool.submit(self.run, program, limits[program.name])] = program
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                failed = [(running[f], f.result()) for f in done if not f.result().passed]
                for future in done:
                    del running[future]
                if failed:
                    self.stop()
                    return failed[0]
        return None

    def stop(self):
        """Ends every program that is running."""
        with self.lock:
            for process in self.running:
                kill(process)


def kill(process):
    """With all that it started; it may be gone already."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass

