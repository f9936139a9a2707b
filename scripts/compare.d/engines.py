"""The engines: Prumo's bench and any llama-bench, each asked the same and answering in one form."""

import dataclasses
import itertools
import json
import os
import pathlib
import shlex
import signal
import statistics
import subprocess


class Trouble(Exception):
    """What the user can mend: one sentence."""


@dataclasses.dataclass(frozen=True)
class Test:
    """A prompt of `prompt` tokens at once, or `generate` tokens one by one, at position `depth`."""
    prompt: int = 0
    generate: int = 0
    depth: int = 0

    @property
    def name(self):
        text = f"pp{self.prompt}" if self.prompt else f"tg{self.generate}"
        return f"{text} @ d{self.depth}" if self.depth else text

    @property
    def tokens(self):
        return self.prompt + self.generate


@dataclasses.dataclass
class Answer:
    """What one process said: median seconds a test, or why there are none."""
    seconds: dict = dataclasses.field(default_factory=dict)
    error: str = ""
    rows: dict = dataclasses.field(default_factory=dict)  # all that was said of a test


def numbers(tests, what):
    return ",".join(str(n) for n in dict.fromkeys(getattr(test, what) for test in tests) if n) or "0"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def ask(command, timeout, environment=None):
    """The rows that a process prints as JSON, or a sentence: (rows, error)."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
                              text=True, errors="replace", env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return None, f"no answer in {timeout:g} s"
    except OSError as error:
        return None, f"cannot run: {error.strerror}"
    if done.returncode < 0:
        return None, f"ended by {signal.Signals(-done.returncode).name}: {last_line(done.stderr)}"
    if done.returncode != 0:
        said = done.stderr
        words = "cannot load" if "load" in said and "model" in said else f"exit {done.returncode}"
        return None, f"{words}: {last_line(said)}"
    try:
        rows = json.loads(done.stdout)
    except json.JSONDecodeError:
        return None, f"no JSON: {last_line(done.stdout)}"
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None, "no list of results"
    return rows, ""


def collect(rows, key_of):
    """An Answer of rows whose samples_ns are whole; `key_of(row)` is the row's test."""
    answer = Answer()
    for row in rows:
        samples = row.get("samples_ns")
        if not isinstance(samples, list) or not samples or not all(
                isinstance(sample, (int, float)) and sample > 0 for sample in samples):
            return Answer(error="a result without samples_ns")
        test = key_of(row)
        answer.seconds[test] = statistics.median(samples) / 1e9
        answer.rows[test] = row
    return answer


class Prumo:
    """`prumo bench` of a build whose tests have passed."""
    name = "Prumo"

    def __init__(self, program, isa="", unproved=False):
        self.program = pathlib.Path(program)
        self.environment = {"PRUMO_ISA": isa} if isa else {}
        if not os.access(self.program, os.X_OK):
            raise Trouble(f"{program} is no program: build Prumo first (scripts/bench does), or give --prumo PATH.")
        self.unproved = self.why_unproved()
        if self.unproved and not unproved:
            raise Trouble(f"Nothing was timed: {self.unproved}; run ctest in the build folder first, or give --unproved.")
        self.unproved = self.unproved if unproved else ""

    def why_unproved(self):
        folder = self.program.resolve().parent
        stamp = folder / "prumo_stamp"
        if not stamp.is_file():
            return f"{folder} has no prumo_stamp that vouches for its tests"
        done = subprocess.run([str(stamp), "check", str(folder)], capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else last_line(done.stderr + done.stdout)

    def write(self, shape, path):
        """A synthetic model as a file, for everyone."""
        done = subprocess.run([str(self.program), "bench", "--synthetic", shape, "--write", str(path)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(last_line(done.stderr))

    def variants(self):
        return [()]

    def can(self, _test):
        return True

    def run(self, prefix, model, threads, tests, repetitions, timeout, _variant=()):
        rows, error = ask([*prefix, str(self.program), "bench", "-m", str(model), "-p", numbers(tests, "prompt"), "-n",
                           numbers(tests, "generate"), "-d", str(tests[0].depth), "-t", str(threads), "-r",
                           str(repetitions), "-o", "json"], timeout, self.environment)
        if error:
            return Answer(error=error)
        return collect(rows, lambda row: Test(row["n_prompt"], row["n_gen"], row["n_depth"]))


class Peer:
    """A llama-bench: "NAME=PATH [OPTION...]". Options that change its speed and are not among those
    given are tried both ways, so that it runs at its best."""
    SWITCHES = ("-fa", "-rtr")

    def __init__(self, text):
        name, equals, command = text.partition("=")
        words = shlex.split(command)
        if not equals or not name or not words:
            raise Trouble(f"--peer {text!r}: say NAME=PATH, then options if need be, in quotes.")
        self.name, self.program, self.options = name, words[0], words[1:]
        self.build = ""  # its commit, once it has said so
        if not os.access(self.program, os.X_OK) or pathlib.Path(self.program).is_dir():
            raise Trouble(f"--peer {name}: {self.program} is no program; name a built llama-bench.")
        said = subprocess.run([self.program, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)
        self.known = {word.strip(",") for word in (said.stdout + said.stderr).split()}
        for needed in ("-p", "-n", "-t", "-o"):
            if needed not in self.known:
                raise Trouble(f"--peer {name}: {self.program} does not speak as llama-bench does (no {needed} in --help).")

    def variants(self):
        """Every combination of the switches that it knows, as options."""
        free = [switch for switch in self.SWITCHES if switch in self.known and switch not in self.options]
        return [tuple(itertools.chain.from_iterable(zip(free, values)))
                for values in itertools.product("01", repeat=len(free))]

    def can(self, test):
        """Whether it has a way to measure this: at a depth by -d, or text only by -gp."""
        return not test.depth or "-d" in self.known or ("-gp" in self.known and test.generate)

    def run(self, prefix, model, threads, tests, repetitions, timeout, variant=()):
        depth = tests[0].depth
        command = [*prefix, self.program, "-m", str(model), "-t", str(threads), "-r", str(repetitions), "-o", "json",
                   *variant, *self.options]
        if depth and "-d" not in self.known:
            command += ["-p", "0", "-n", "0"]
            for test in tests:
                command += ["-gp", f"{depth},{test.generate}"]
        else:
            command += ["-p", numbers(tests, "prompt"), "-n", numbers(tests, "generate")]
            command += ["-d", str(depth)] if depth else []
        rows, error = ask(command, timeout)
        if error:
            return Answer(error=error)

        def key(row):
            prompt, generate = row.get("n_prompt", 0), row.get("n_gen", 0)
            return Test(0 if generate else prompt, generate, depth)
        answer = collect(rows, key)
        self.build = self.build or str(rows[0].get("build_commit", "") if rows else "")
        missing = [test.name for test in tests if test not in answer.seconds]
        if missing and not answer.error:
            answer.error = f"no result for {', '.join(missing)}"
        return answer
