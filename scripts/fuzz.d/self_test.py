#!/usr/bin/env python3
"""Try scripts/fuzz on a toy tree: a planted crash, hang, leak and memory bomb must be found, a clean target must not, and
a run that is killed must go on and lose nothing.

Usage: self_test.py FOLDER   (where the toy tree is made anew)
Exit status 77, with a sentence, where there is no clang to build it with."""

import fcntl
import html
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
FUZZ = HERE.parent / "fuzz"
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import night  # noqa: E402
import options as command_line  # noqa: E402
import report  # noqa: E402
import targets as tree  # noqa: E402
import unit_checks  # noqa: E402
from corpus import name_of  # noqa: E402
from engine import Engine  # noqa: E402
from state import State  # noqa: E402
from talk import Talk  # noqa: E402
from unit_checks import expect, failures  # noqa: E402

PLANTED = {"crash": "crash", "hang": "hang", "leak": "leak", "bomb": "memory"}


def fuzz(root, *arguments):
    done = subprocess.run([sys.executable, FUZZ, "--root", root, *arguments], capture_output=True, text=True, timeout=400,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def state_of(root):
    return json.loads((root / "build/fuzz-run/state.json").read_text())


def corpus_of(root, target):
    """The inputs of a target by libFuzzer's names, wherever a swap has them."""
    files = [path for part in ("corpus", "before") for path in (root / "build/fuzz-run" / part / target).glob("*")]
    return {name for path, name in ((path, name_of(path.read_bytes())) for path in files) if path.name == name}


def seeds_of(root):
    return {str(path): path.read_bytes() for path in (root / "fuzz/corpus").rglob("*") if path.is_file()}


def whole_run(root):
    """One short night, with every kind of fault in it."""
    before = seeds_of(root)
    status, out, err = fuzz(root, "--hours", "0.004", "--jobs", "4", "--seed", "7")
    expect(status == 1, f"findings give exit status 1 (it was {status}) {err[-1500:]} {out[-500:] if status != 1 else ''}")
    if status not in (0, 1):
        return
    summary = json.loads((root / "fuzz-report/summary.json").read_text())
    kinds = {finding["target"]: finding["kind"] for finding in summary["findings"]}
    expect(kinds == PLANTED, f"each planted fault is found as what it is: {kinds}")
    expect(len(summary["findings"]) == len(PLANTED), f"and once: {[f['name'] for f in summary['findings']]}")
    expect(all(f["failures"] == 3 and "scalar" in f["isas"] for f in summary["findings"]), "all are confirmed, on scalar too")
    small = {f["target"]: f["bytes"] for f in summary["findings"]}
    expect(small == {"crash": 2, "hang": 1, "leak": 1, "bomb": 1}, f"all are minimal: {small}")
    crash = [f for f in summary["findings"] if f["target"] == "crash"]
    expect(crash and crash[0]["frames"][0] == "past_the_end crash.cpp", "the stack begins in the guilty function")
    expect(all(t["executions"] > 0 for t in summary["targets"].values()) and len(summary["targets"]) == 5,
           "every target ran")
    expect(not summary["trouble"] and summary["finished"], f"no trouble: {summary['trouble']}")
    expect(seeds_of(root) == before, "the committed corpora are as they were")
    expect(all(t["merged"] and t["merged"]["ok"] for t in summary["targets"].values()), "all corpora are minimised")
    expect("\r" not in out and out.count("FINDING ") == 4 and "#include <gtest/gtest.h>" in out,
           "plain lines, with a ready test for each finding")
    page = (root / "fuzz-report/index.html").read_text()
    expect(all(f'data-target="{name}"' in page for name in summary["targets"]), "the page has every target")
    for finding in summary["findings"]:
        test_compiles(root, root / "build/fuzz-run/findings" / finding["name"], finding)


def test_compiles(root, folder, finding):
    """The ready test builds beside fuzz/; the crash's also fails, as it must."""
    if not pathlib.Path("/usr/include/gtest/gtest.h").is_file():
        print("skipped: no GoogleTest to compile the ready tests with")
        return
    source, program = root / f"tests/found_{finding['target']}.cpp", root / f"tests/found_{finding['target']}"
    source.parent.mkdir(exist_ok=True)
    shutil.copyfile(folder / "test.cpp", source)
    linked = finding["kind"] == "crash"
    command = ["clang++", "-std=c++20", "-Wall", "-Wextra", "-Werror", str(source)]
    command += ["-g", "-fsanitize=address", "-o", str(program), "-lgtest_main", "-lgtest"] if linked else ["-fsyntax-only"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"the test of {finding['name']} compiles {done.stderr[:1500]}")
    if linked and done.returncode == 0:
        ran = subprocess.run([program], capture_output=True, text=True, check=False)
        expect(ran.returncode != 0 and "heap-buffer-overflow" in ran.stderr, "and shows the crash again")


def clean_run(root):
    """Nothing to find is exit status 0; a coverage that sank is 2."""
    status, out, err = fuzz(root, "--hours", "0.001", "--targets", "clean", "--jobs", "1", "--record-coverage")
    expect(status == 0, f"a clean target gives exit status 0 (it was {status}) {err} {out if status else ''}")
    path = root / "fuzz/coverage.json"
    recorded = json.loads(path.read_text())
    expect(recorded["edges"]["clean"] > 0, "the coverage is recorded when asked")
    recorded["edges"]["clean"] *= 10
    path.write_text(json.dumps(recorded))
    status, out, _ = fuzz(root, "--hours", "0.001", "--targets", "clean", "--jobs", "1")
    expect(status == 2 and "edges" in out, "coverage below that is exit status 2")

    def reason_in_all(out, *words):
        summary = json.loads((root / "fuzz-report/summary.json").read_text())
        page = html.unescape((root / "fuzz-report/index.html").read_text())
        return all(word in text for word in words for text in (out, summary["coverage_not_compared"] or "", page))

    expect("Coverage: " not in out and "compared with fuzz/coverage.json" in (root / "fuzz-report/index.html").read_text()
           and json.loads((root / "fuzz-report/summary.json").read_text())["coverage_not_compared"] is None,
           "and what is compared is not said to be not")
    path.write_text(json.dumps({**recorded, "compiler": "clang of another year"}))
    status, out, _ = fuzz(root, "--hours", "0.001", "--targets", "clean", "--jobs", "1")
    expect(status == 0 and reason_in_all(out, "compared with nothing", "clang of another year"),
           f"that of another compiler is compared with nothing, and it is said ({status}) {out[-400:]}")
    path.write_text(json.dumps({**recorded, "edges": {}}))
    status, out, _ = fuzz(root, "--hours", "0.001", "--targets", "clean", "--jobs", "1")
    expect(status == 0 and reason_in_all(out, "has nothing of clean"), f"so is a target without a record ({status}) {out[-400:]}")
    path.unlink()


def wrong_use(root):
    status, _, err = fuzz(root, "--targets", "absent")
    expect(status == 2 and "absent" in err, "a target that is missing is exit status 2")
    status, out, _ = fuzz(root, "--dry-run", "--hours", "1")
    expect(status == 0 and all(name in out for name in (*PLANTED, "clean")), "--dry-run names every target")
    shutil.move(root / "fuzz/clean.cpp", root / "clean.cpp")
    status, _, err = fuzz(root, "--resume")
    expect(status == 2 and "clean" in err, "a target that went missing since is exit status 2")
    shutil.move(root / "clean.cpp", root / "fuzz/clean.cpp")


def own_faults(root):
    """What goes wrong with the runner itself is exit status 2, and no finding."""
    def told(status, err):
        return status == 2 and "Traceback" in err and err.splitlines()[-1].startswith("fuzz: ")

    work = root / "build/fuzz-run"
    arguments = ["--hours", "0.001", "--targets", "clean", "--jobs", "1"]
    blocked = root / "blocked"
    blocked.write_text("a file where a folder should be\n")
    status, out, err = fuzz(root, *arguments, "--out", blocked)
    expect(told(status, err) and "executions" not in out, f"a report that cannot be written is told at once ({status}) {out[-300:]}")
    shutil.rmtree(work)
    work.write_text("a file where a folder should be\n")
    status, _, err = fuzz(root, *arguments)
    expect(told(status, err), f"so is a work folder that cannot be written ({status}) {err[-300:]}")
    work.unlink()
    fuzz(root, *arguments)
    state = state_of(root)
    state.update(phase="fuzz", elapsed=0.0)
    (work / "state.json").write_text(json.dumps(state))
    (work / "slices.jsonl").unlink()
    (work / "slices.jsonl").mkdir()
    status, _, err = fuzz(root, "--resume", "--jobs", "1")
    summary = json.loads((root / "fuzz-report/summary.json").read_text())
    expect(told(status, err) and summary["status"] == 2 and "broke off" in "".join(summary["trouble"]),
           f"a worker that breaks off in mid-run is trouble, in the report too ({status}) {summary['trouble']} {err[-300:]}")
    (work / "slices.jsonl").rmdir()
    status, _, err = fuzz(root, "--resume", "--jobs", "1")
    expect(status == 0, f"and the run goes on when that is mended ({status}) {err[-300:]}")


def overdue(root):
    """A process that neither ends nor rings its alarm is trouble, with the name of its target."""
    tree_of_one = root / "overdue"
    program = tree_of_one / "build/fuzz/fuzz/fuzz_stuck"
    program.parent.mkdir(parents=True)
    (tree_of_one / "fuzz").mkdir()
    (tree_of_one / "fuzz/stuck.cpp").write_text("// made up\n")
    (tree_of_one / "fuzz/stuck.options").write_text("[libfuzzer]\ntimeout = 1\n")
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    options = command_line.parse("", tree_of_one, ["--hours", "0.0001", "--jobs", "1"])
    targets = tree.find(tree_of_one, None)
    state = State.fresh(tree_of_one / "build/fuzz-run/state.json", options, targets, {})
    one = night.Night(options, targets, state, Engine(), Talk(io.StringIO()))
    patience, night.PATIENCE = night.PATIENCE, 0.0
    begun = time.monotonic()
    one.fuzz()
    night.PATIENCE = patience
    trouble = state.data["trouble"]
    expect(len(trouble) == 1 and "stuck, sanitized" in trouble[0] and "overdue" in trouble[0] and time.monotonic() - begun < 60,
           f"an overdue process that left no input is trouble: {trouble}")
    expect(not state.data["findings"] and report.verdict(state.data)[0] == 2, "and no finding")


def killed_when(root, arguments, ready):
    """Starts a sitting and kills it with -9 as soon as `ready` says so. What it leaves running; {target: its inputs then}."""
    with subprocess.Popen([sys.executable, FUZZ, "--root", root, *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 180
        while time.monotonic() < end and process.poll() is None and not ready():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    expect(process.returncode == -signal.SIGKILL, f"it was killed (status {process.returncode})")
    time.sleep(1)
    left = [line for line in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout.splitlines()
            if str(root / "build") in line and "/fuzz_" in line]
    expect(not left, f"its fuzzers died with it: {left}")
    return {name: corpus_of(root, name) for name in ("clean", "leak")}


def killed_run(root):
    """kill -9 in the middle of a slice, of a judgement and of the merges, and --resume after each."""
    work = root / "build/fuzz-run"
    shutil.rmtree(work)

    def in_a_slice():
        if not (work / "state.json").is_file() or state_of(root)["slices"] < 1:
            return False
        # With a failing input that nobody has judged yet.
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_bytes(b"l" * 9)
        return True

    planted = work / "artifacts/leak/fast/crash-planted"
    held = [killed_when(root, ["--hours", "0.008", "--jobs", "2", "--targets", "clean,leak", "--seed", "11"], in_a_slice)]
    before = state_of(root)
    expect(before["phase"] == "fuzz" and before["slices"] >= 1, "it was killed in mid-run")
    held.append(killed_when(root, ["--resume", "--jobs", "2"], lambda: any((work / "findings").glob("*"))
                            or any((work / "findings").glob(".*"))))
    expect(state_of(root)["phase"] == "fuzz", "and while it judged")
    held.append(killed_when(root, ["--resume", "--jobs", "2"], lambda: state_of(root)["phase"] == "merge"))
    expect(state_of(root)["phase"] == "merge", "and while it merged")
    status, _, err = fuzz(root, "--resume", "--jobs", "2")
    after = state_of(root)
    expect(status == 1, f"--resume ends with the finding (status {status}) {err[-1500:]}")
    expect(after["seed"] == 11 and after["sittings"] == 4 and after["phase"] == "done", "it is the same run, to its end")
    expect(after["slices"] > before["slices"] and after["elapsed"] > before["elapsed"], "it went on where it was")
    names = before["targets"]
    expect(all(after["targets"][name]["executions"] >= before["targets"][name]["executions"] for name in names),
           "no execution is forgotten")
    kept = {name: {name_of(path.read_bytes()) for folder in ("corpus", "before", "quarantine")
                   for path in (work / folder / name).glob("*")} for name in names}
    # One that the kill cut short has another name now, and was no input yet.
    lost = {name: set.union(*(inputs[name] for inputs in held)) - kept[name] for name in names}
    expect(not any(lost.values()), f"no input is lost: {lost}")
    expect(all(after["targets"][name]["merged"]["ok"] for name in names), "every corpus is minimised")
    expect(not planted.exists() and len(after["findings"]) == 1 and after["findings"][0]["kind"] == "leak",
           f"the input that waited is judged, once: {[f['name'] for f in after['findings']]}")


# Fails on one input, by its hash, that no search comes upon.
SEEDED = """#include <cstddef>
#include <cstdint>
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t hash = 14695981039346656037u;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ data[i]) * 1099511628211u;
  if (hash == %du) __builtin_trap();
  return 0;
}
"""


def fnv1a(data):
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def failing_seed(root):
    """A committed seed that fails is a finding of every run until the fault is mended; then it is a seed again."""
    bad, work = b"a seed that fails", root / "build/fuzz-run"
    source, seeds = root / "fuzz/seeded.cpp", root / "fuzz/corpus/seeded"
    seeds.mkdir()
    (seeds / "bad").write_bytes(bad)
    (seeds / "good").write_bytes(b"a seed that passes")
    source.write_text(SEEDED % fnv1a(bad))
    arguments = ["--hours", "0.001", "--targets", "seeded", "--jobs", "1"]
    for run in ("first", "second"):
        status, out, err = fuzz(root, *arguments)
        found = state_of(root)["findings"]
        expect(status == 1 and len(found) == 1 and not found[0]["flaky"],
               f"a seed that fails is a finding of the {run} run (status {status}) {err[-500:]}")
    source.write_text(SEEDED % fnv1a(b"something else"))
    status, out, err = fuzz(root, *arguments)
    expect(status == 0 and not state_of(root)["findings"] and "1 inputs that failed in earlier runs 1 pass" in out,
           f"once it is mended, nothing is found (status {status}) {out[-500:]} {err[-500:]}")
    expect(name_of(bad) in corpus_of(root, "seeded") and not any((work / "quarantine/seeded").iterdir()),
           "and the seed is in the corpus again")
    source.unlink()
    shutil.rmtree(seeds)


def ended_by(root, number, targets):
    """Ends a run of an hour by a signal in its first slice, or by closing its terminal (None). (status, summary)."""
    shutil.rmtree(root / "fuzz-report", ignore_errors=True)
    command = [sys.executable, FUZZ, "--root", root, "--hours", "1", "--targets", targets, "--jobs", "1"]
    master, terminal = os.openpty()
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        os.close(terminal)
        words = b""
        while b"1 jobs, seed" not in words:
            words += os.read(master, 1000)
        time.sleep(2)
        if number is not None:
            process.send_signal(number)
            time.sleep(0.2)  # the terminal is read no more, but has room
            status = process.wait(60)
        os.close(master)
        status = process.wait(60)
    summary = root / "fuzz-report/summary.json"
    return status, json.loads(summary.read_text()) if summary.is_file() else {}


def interrupted_run(root):
    """A signal, or a terminal that is closed, ends a run cleanly, with a report that says so."""
    shutil.rmtree(root / "build/fuzz-run", ignore_errors=True)  # no failing input that comes before the first slice
    for number, what in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP"), (None, "a closed terminal")):
        status, summary = ended_by(root, number, "clean")
        expect(status == 0 and summary.get("verdict") == "Unfinished; nothing found so far." and not summary["finished"],
               f"{what} ends with a report that says unfinished (status {status}) {summary.get('verdict')}")
        expect("Unfinished" in (root / "fuzz-report/index.html").read_text(), "and so does the page") if summary else None
    status, summary = ended_by(root, signal.SIGINT, "clean,leak")
    expect(status == 2 and "leak" in summary.get("executed_nothing", []),
           f"where a target never ran, that is trouble (status {status}) {summary.get('verdict')}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for tool in ("clang++", "cmake", "ninja"):
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is missing, which builds the toy targets")
            return 77
    root = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(HERE / "toy", root)
    unit_checks.logic()
    unit_checks.documents()
    unit_checks.browser(root / "page")
    unit_checks.told_apart(root / "told-apart")
    for part in (whole_run, clean_run, wrong_use, own_faults, overdue, killed_run, failing_seed, interrupted_run):
        begun = time.monotonic()
        part(root)
        print(f"      {part.__name__}: {time.monotonic() - begun:.0f} s")
    print(f"{len(failures)} wrong" if failures else "all as promised")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
