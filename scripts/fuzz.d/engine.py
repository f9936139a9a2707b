"""Runs libFuzzer programs and reads what they say."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import deque

from targets import BUILDS

PROGRESS = re.compile(r"^#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
STAT = re.compile(r"^stat::(\w+):\s+(\d+)")
RUNTIME = {"ASAN_OPTIONS": "detect_leaks=1:symbolize=1:dedup_token_length=3:handle_abort=1",
           "UBSAN_OPTIONS": "print_stacktrace=1:symbolize=1"}
LOG_LINES = 600  # of the end of a log, and as many of a failure's beginning


class Outcome:
    """What one process did. `points` are (seconds, edges, features) as they were reached."""

    def __init__(self):
        self.status, self.killed, self.seconds = None, False, 0.0
        self.executions = self.new_units = 0
        self.first, self.points, self.last_new = None, [], None
        self._failure, self._end = [], deque(maxlen=LOG_LINES)

    @property
    def log(self):
        """The lines from the first sign of a failure on; without one, the last lines."""
        return list(self._failure) or list(self._end)

    @property
    def failed(self):
        """Whether the target did: an end that a sanitizer or libFuzzer explains, a signal, or no end at all in time."""
        return self.killed or (self.status not in (0, None) and (bool(self._failure) or self.status < 0))

    @property
    def edges(self):
        return self.points[-1][1] if self.points else 0

    @property
    def features(self):
        return self.points[-1][2] if self.points else 0

    def take(self, line, now):
        """One line of output, `now` seconds after the start."""
        progress = PROGRESS.match(line)
        if progress:
            runs, event, edges, features = int(progress[1]), progress[2], int(progress[3]), int(progress[4])
            self.executions = max(self.executions, runs)
            if event == "INITED":
                self.first = (edges, features)
            if event == "NEW" and self.first:
                self.new_units += 1
                self.last_new = now
            if not self.points or (edges, features) != self.points[-1][1:]:
                self.points.append((now, edges, features))
        else:
            stat = STAT.match(line)
            if stat and stat[1] == "number_of_executed_units":
                self.executions = max(self.executions, int(stat[2]))
            if not self._failure and FAILURE.search(line):
                # What the target itself said stands just before.
                self._failure = [old for old in list(self._end)[-40:] if not PROGRESS.match(old)]
                self._failure.append(line)
            elif self._failure and len(self._failure) < LOG_LINES:
                self._failure.append(line)
        self._end.append(line)


FAILURE = re.compile(r"ERROR: (\w+Sanitizer|libFuzzer)|Sanitizer: CHECK failed|runtime error: |"
                     r"ALARM: working on")


class Engine:
    """Starts processes, and ends them all when asked to. Whatever ends the runner, even kill -9, ends them too: they ask
    the kernel for a signal at their parent's death."""

    def __init__(self, niceness=10):
        self.prefix = ["nice", "-n", str(niceness)] if shutil.which("nice") else []
        if shutil.which("setpriv"):
            self.prefix += ["setpriv", "--pdeathsig", "KILL"]
        self.stopping = threading.Event()
        self._lock, self._running = threading.Lock(), {}

    def stop(self):
        """Ends what runs; nothing starts from now on."""
        self.stopping.set()
        with self._lock:
            for process in self._running:
                process.send_signal(signal.SIGINT)

    def end_overdue(self):
        """Kills what is past its deadline. For the main loop to call now and then."""
        now = time.monotonic()
        with self._lock:
            for process, (deadline, outcome) in self._running.items():
                if now > deadline:
                    outcome.killed = True
                    process.kill()

    @staticmethod
    def environment(target, build, isa=None, symbolize=True):
        env = {key: value for key, value in os.environ.items() if key != "PRUMO_ISA"}
        for key, value in RUNTIME.items():
            extra = target.runtimes.get(key.split("_", maxsplit=1)[0].lower(), "")
            env[key] = value + (":" + extra if extra else "") + ("" if symbolize else ":symbolize=0")
        env.update(BUILDS[build][1])
        if isa:
            env["PRUMO_ISA"] = isa
        return env

    def command(self, target, build, flags, paths=()):
        """The command line of one process."""
        given = {flag.split("=", 1)[0] for flag in flags}
        limits = [f"-{key}={value}" for key, value in target.limits.items() if f"-{key}" not in given]
        return [*self.prefix, str(target.binary(build)), *limits, *flags, *map(str, paths)]

    def run(self, target, build, flags, paths=(), isa=None, seconds=600.0, symbolize=True):
        """Runs to the end or the limit of `seconds`; the Outcome."""
        outcome = Outcome()
        begun = time.monotonic()
        if self.stopping.is_set():
            outcome.killed = True
            return outcome
        # In a session of its own: Ctrl-C on the terminal is the runner's alone.
        with subprocess.Popen(self.command(target, build, flags, paths), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True,
                              env=self.environment(target, build, isa, symbolize)) as process:
            with self._lock:
                self._running[process] = (begun + seconds, outcome)
            try:
                for line in process.stdout:
                    outcome.take(line.rstrip("\n")[:4000], time.monotonic() - begun)
                outcome.status = process.wait()
            finally:
                with self._lock:
                    del self._running[process]
        outcome.seconds = time.monotonic() - begun
        return outcome
