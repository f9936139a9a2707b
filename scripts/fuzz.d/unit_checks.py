"""What scripts/fuzz's own test looks at without building anything: the order of slices, the reading of logs, findings told
apart, the table of targets."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import types

HERE = pathlib.Path(__file__).resolve().parent
FUZZ = HERE.parent.parent / "fuzz"
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import schedule  # noqa: E402
import signature  # noqa: E402
import triage  # noqa: E402
from corpus import Corpora  # noqa: E402
from engine import Outcome  # noqa: E402
from state import new_target, thin  # noqa: E402

failures = []


def expect(truth, what):
    print(("ok    " if truth else "WRONG ") + what, flush=True)
    if not truth:
        failures.append(what)


def logic():
    """What needs no build."""
    targets = {name: new_target() for name in "abc"}
    turns = dict.fromkeys(targets, 3)
    targets["a"]["served"], targets["b"]["served"], targets["c"]["served"] = 9.0, 5.0, 7.0
    expect(schedule.choose(targets, {}, turns) == "b", "the target that had least for its weight is next")
    expect(schedule.choose(targets, {"b": "fast"}, turns) == "c", "a target that runs is passed over")
    expect(schedule.choose(targets, {}, {**turns, "a": 1}) == "a", "a turn in every build comes before any weight")
    expect(schedule.choose(targets, dict.fromkeys("abc"), turns) is None, "nothing is next when all run")
    expect([schedule.build_of(n) for n in range(4)] == ["sanitized", "fast", "scalar", "sanitized"], "builds take turns")
    expect(schedule.weight(100) > schedule.weight(1) > schedule.weight(0) == 1, "new features add weight")
    all_of_them = len(list(FUZZ.glob("*.cpp")))
    expect(3 * all_of_them * schedule.slice_seconds(0.2, 2, all_of_them) <= 0.2 * 3600 * 2,
           f"0.2 hours hold a turn of the {all_of_them} targets in each build")
    expect(schedule.slice_seconds(1000, 8, 3) == schedule.LONGEST, "no slice is longer than five minutes")
    points = [[n, n, n] for n in range(5000)]
    expect(len(thin(points)) <= 300 and thin(points)[-1] == points[-1], "a plot stays small and keeps its end")
    log = ["/a/b/check.h:12: x == y: 17 of 0x3f [isas: scalar]", "==9== ERROR: libFuzzer: deadly signal",
           "    #4 0x55 in prumo::fuzz::fail(char const*, int) /a/check.h:20:3",
           "    #5 0x56 in (anonymous namespace)::dot<float>(float*) /a/dot.cpp:7:1",
           "    #6 0x57 in LLVMFuzzerTestOneInput /a/t.cpp:9:1", "    #7 0x58 in fuzzer::Fuzzer::RunOne() (/x+0x1)"]
    found = signature.read(log)
    expect(found == signature.Signature("crash", "check.h:12: x == y: N of N", ("dot dot.cpp", "LLVMFuzzerTestOneInput t.cpp")),
           f"a log is read: {found}")
    other = [line.replace("17", "18") for line in log]
    expect(signature.read(other) == found, "numbers that change do not make another finding")
    laws = [signature.steady(f"/x/add.cpp:12: fault.empty(): avx2, n 3, left: element 0 of 3 is {what}")
            for what in ("-1.5e-08 (0d56e6ff) and should be 3.25e+37 (fd5e35b4)", "nan (7fc00000) and should be 2 (40000000)")]
    expect(laws[0] == laws[1] == "add.cpp:12: fault.empty(): avx2, n N, left: element N of N is N (N) and should be N (N)",
           f"numbers and bits go, the instruction set stays: {laws}")
    words = [signature.steady(f"/a/cli.cpp:300: codes: exit code 0 of 'prumo' {line}: ")
             for line in ("'generate' '-m' '/proc/self/fd/4'", "'generate' '-c' '0' '--model' 'x'")]
    expect(words[0] == words[1] == "cli.cpp:300: codes: exit code N of '...': ", f"quoted words go, the place stays: {words}")
    check = ['AddressSanitizer: CHECK failed: asan_poisoning.cpp:160 "((beg.chunk)) < ((end.chunk))" (0xc4e7, 0xc4e6) (tid=18247)',
             "    #0 0x557 in __asan::CheckUnwind() asan_rtl.cpp.o", "    #3 0x558 in prumo::unpoison(void const*, unsigned long) /a/arena.cpp:37:3"]
    outcome = Outcome()
    for line in check:
        outcome.take(line, 0.0)
    outcome.status = 1
    expect(outcome.failed and signature.read(outcome.log).message.startswith("AddressSanitizer: CHECK failed: asan_poisoning.cpp:")
           and signature.read(outcome.log).frames == ("prumo::unpoison arena.cpp",), f"a sanitizer's own check counts: {signature.read(outcome.log)}")
    # A build without AddressSanitizer hands a deadly signal to UBSan's runtime, which ends with status 1.
    divided = Outcome()
    for line in ("UndefinedBehaviorSanitizer:DEADLYSIGNAL", "==7==ERROR: UndefinedBehaviorSanitizer: FPE on unknown address 0x557",
                 "    #0 0x557 in prumo::share(int) /a/share.cpp:7:3"):
        divided.take(line, 0.0)
    divided.status = 1
    expect(divided.failed and signature.read(divided.log) == signature.Signature("crash", "UndefinedBehaviorSanitizer: FPE", ("prumo::share share.cpp",)),
           f"a division by zero counts: {signature.read(divided.log)}")
    silent = Outcome()
    silent.status = -signal.SIGSEGV
    expect(silent.failed, "an end by a signal is a failure without a word")
    late = ["==1== ERROR: libFuzzer: out-of-memory (malloc(1073741824))", "==1== ERROR: libFuzzer: timeout after 10 seconds"]
    expect(signature.read(late).kind == "memory", "an alarm during the report of a fault does not change its kind")
    expect(signature.read([line.replace("dot", "sum") for line in log]) != found, "another function does")


def documents():
    """The table of fuzz/README.md has every target."""
    readme = (FUZZ / "README.md").read_text()
    unnamed = [path.stem for path in FUZZ.glob("*.cpp") if f"`{path.stem}`" not in readme]
    expect(not unnamed, f"fuzz/README.md names every target: {unnamed}")


def browser(folder):
    """Without a browser the test of the page is skipped, and fails where one is required."""
    bare = {key: value for key, value in os.environ.items() if key != "PRUMO_REQUIRE_BROWSER"} | {"PATH": "/nonexistent"}
    ends = [subprocess.run([sys.executable, HERE / "page_test.py", folder], env=bare | more, capture_output=True, check=False).returncode
            for more in ({}, {"PRUMO_REQUIRE_BROWSER": "1"})]
    expect(ends == [77, 1], f"without a browser the page's test is skipped, or fails where one is required: {ends}")


class OnePlace:
    """An engine whose every failure is at the same place. An input names the instruction sets that fail, as b"avx2 scalar";
    `runs` counts the processes."""

    def __init__(self):
        self.stopping, self.runs = threading.Event(), 0

    def run(self, _target, build, flags, paths=(), isa=None, seconds=0.0, symbolize=True):
        self.runs += 1
        outcome = Outcome()
        outcome.status = 0
        forced = isa or ("scalar" if build == "scalar" else "avx512")
        if not any(flag.startswith("-minimize") for flag in flags) and forced in paths[0].read_text().split("#")[0].split():
            outcome.status = 77
            for line in self.log():
                outcome.take(line, 0.1)
        return outcome

    @staticmethod
    def log():
        return ["==1== ERROR: libFuzzer: deadly signal", "    #1 0x55 in guilty(char const*) /t/guilty.cpp:7:1"]


def told_apart(folder):
    """Findings of one stack on different instruction sets are different ones, and many inputs of one cost little."""
    every = triage.instruction_sets
    triage.instruction_sets = lambda: ["scalar", "avx2", "avx512"]
    target = types.SimpleNamespace(name="guilty", limits={"timeout": 1})
    engine, findings = OnePlace(), []
    folder.mkdir(parents=True)
    judge = triage.Triage(folder, engine, Corpora(folder), findings, threading.RLock(), 5.0)

    def met(words, build, log):
        path = folder / "crash-x"
        path.write_text(words)
        return judge.judge(target, build, path, log, 0.0, 1)

    try:
        met("avx512", "fast", engine.log())
        met("avx512 avx2", "fast", engine.log())
        met("scalar", "scalar", engine.log())
        expect([finding["isas"] for finding in findings] == [["avx512"], ["avx2", "avx512"], ["scalar"]],
               f"one place, three sets of instruction sets: three findings: {[finding['isas'] for finding in findings]}")
        for number in range(20):
            met(f"scalar #{number}", "scalar", engine.log())
        expect(len(findings) == 3 and findings[2]["times"] + findings[0]["times"] == 22, "an input of a known one is counted")
        before = engine.runs
        met("scalar #21", "scalar", engine.log())
        expect(engine.runs == before, "and after the first few without a run")
        met("avx2 avx512", "fast", None)
        expect(len(findings) == 3 and findings[1]["times"] == 2, "a log that is lost changes nothing")
        met("none", "fast", engine.log())
        expect(len(findings) == 3, "what fails no more tells nothing apart")
    finally:
        triage.instruction_sets = every
