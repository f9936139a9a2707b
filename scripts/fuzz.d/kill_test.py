#!/usr/bin/env python3
"""Kill a run at each of its steps on disk, one after the other, and resume it: no input may be lost, no seed cut short, no
finding missing or told twice.

The engine here is made up: it finds an input, meets a failing one, merges and minimises without a compiler, so that every
step of the runner's own can be the last. An audit hook ends the process, with SIGKILL, before its n-th file is written,
renamed or removed; a file about to be written is left empty, as a kill in the middle of the write may leave it.

Usage: kill_test.py FOLDER   (for scratch files)"""

import io
import os
import pathlib
import shutil
import signal
import sys
import types

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import night  # noqa: E402
import report  # noqa: E402
import targets as tree  # noqa: E402
from corpus import name_of  # noqa: E402
from engine import Outcome  # noqa: E402
from state import State  # noqa: E402
from talk import Talk  # noqa: E402

SEEDS = (b"seed one", b"seed two", b"seed three")
FOUND, FAILING, SMALL, MENDED = b"found by the slice", b"failing, at first", b"f", b"passes now"
STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.move", "shutil.rmtree", "shutil.copyfile"}
FEWEST = 60  # the steps of a run; fewer, and the hook sees nothing


def contents(folder):
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else set()


class MadeUpEngine:
    """Does to the files what libFuzzer would do."""

    def __init__(self):
        self.stopping = types.SimpleNamespace(is_set=lambda: False)

    def stop(self):
        raise AssertionError("the run stopped itself")

    def end_overdue(self):
        pass

    def run(self, target, build, flags, paths=(), isa=None, seconds=0.0, symbolize=True):
        outcome = Outcome()
        outcome.status, outcome.seconds = 0, 1.0
        option = dict(flag.lstrip("-").split("=", 1) for flag in flags)
        prefix = option.get("artifact_prefix", "")
        if "set_cover_merge" in option or "merge" in option:
            new, old = paths
            for data in sorted(contents(old) - contents(new), key=len)[1:]:  # the first adds nothing
                (new / name_of(data)).write_bytes(data)
        elif "minimize_crash" in option:
            pathlib.Path(option["exact_artifact_path"]).write_bytes(SMALL)
        elif paths and pathlib.Path(paths[0]).is_file():
            if pathlib.Path(paths[0]).read_bytes().startswith(SMALL):
                self.fail(outcome)
        elif "max_total_time" in option:
            if not (paths[0] / name_of(FOUND)).is_file():
                (paths[0] / name_of(FOUND)).write_bytes(FOUND)
            if not self.judged(target):
                (pathlib.Path(prefix) / f"crash-{name_of(FAILING)}").write_bytes(FAILING)
                self.fail(outcome)
        outcome.take("#9\tINITED cov: 5 ft: 7 corp: 3/9b exec/s: 0 rss: 1Mb", 0.1)
        return outcome

    @staticmethod
    def judged(target):
        return FAILING in contents(target.root / "build/fuzz-run/quarantine") | contents(target.root / "build/fuzz-run/findings")

    @staticmethod
    def fail(outcome):
        outcome.status = 77
        outcome.take("==1== ERROR: libFuzzer: deadly signal", 0.2)
        outcome.take("    #1 0x55 in guilty(char const*) /t/guilty.cpp:7:1", 0.2)


def sitting(root, resume):
    """One sitting of a run, as scripts/fuzz does it but for the build. Its state."""
    options = types.SimpleNamespace(root=root, hours=1e-6, jobs=1, seed=7, out=root / "fuzz-report", commit_corpus=True,
                                    record_coverage=False)
    targets = tree.find(root, None)
    path = root / "build/fuzz-run/state.json"
    if resume and path.is_file():
        state = State.load(path)
        state.data["sittings"] += 1
    else:
        state = State.fresh(path, options, targets, {"compiler": "none", "revision": "none", "processor": "none", "isas": ["scalar"]})
        state.save()
    one = night.Night(options, targets, state, MadeUpEngine(), Talk(io.StringIO()))
    one.sit(lambda: False)
    state.save()
    report.write(options.out, state.data, path.parent, report.verdict(state.data)[0], 0)
    return state.data


def fresh_tree(root, quarantined):
    """One target with its seeds, and what an earlier run put into quarantine."""
    shutil.rmtree(root, ignore_errors=True)
    away = root / "build/fuzz-run/quarantine/guilty"
    away.mkdir(parents=True)
    for data in quarantined:
        (away / name_of(data)).write_bytes(data)
    corpus = root / "fuzz/corpus/guilty"
    corpus.mkdir(parents=True)
    (root / "fuzz/guilty.cpp").write_text("// made up\n")
    for number, data in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(data)


def killed_at(root, step):
    """Runs a sitting in a process that dies at its n-th step. How many steps it did; whether it was killed."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        begun, place = [0], str(root) + "/"

        def hook(event, arguments):
            writes = event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)) and isinstance(arguments[2], int) \
                and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not (writes or event in STEPS) or not os.fsdecode(arguments[0]).startswith(place):
                return
            begun[0] += 1
            if begun[0] == step:
                if writes and arguments[2] & os.O_TRUNC:
                    os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            sitting(root, resume=False)
            os.write(send, str(begun[0]).encode())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return int(told or 0), os.WIFSIGNALED(status)


def faults(root, held, data, quarantined):
    """What is wrong after a resumed run. `held` are the inputs that lay on disk when it was killed, `quarantined` those that
    were in quarantine before it."""
    work = root / "build/fuzz-run"
    wrong = []
    kept = contents(work / "corpus") | contents(work / "before") | contents(work / "quarantine") | contents(work / "findings")
    lost = {data for data in held if data and data not in kept}
    wrong += [f"lost {sorted(lost)}"] * bool(lost)
    wrong += ["what passes now stays in quarantine"] * (MENDED in contents(work / "quarantine"))
    gone = {data for data in quarantined if data not in kept}
    wrong += [f"gone from quarantine: {sorted(gone)}"] * bool(gone)
    wrong += [f"not tried again: {data['again']}"] * any(data["again"].values())
    committed = contents(root / "fuzz/corpus")
    wrong += [f"a seed is gone: {sorted(committed)}"] * (not set(SEEDS) <= committed)
    wrong += [f"the committed corpus has what nobody wrote: {sorted(committed)}"] * (not committed <= {*SEEDS, FOUND})
    wrong += [f"{path.name} is not the name of its content" for path in (work / "corpus").rglob("*")
              if path.is_file() and path.name != name_of(path.read_bytes())]
    wrong += [f"phase {data['phase']}"] * (data["phase"] != "done")
    wrong += [f"trouble: {data['trouble']}"] * bool(data["trouble"])
    merged = data["targets"]["guilty"]["merged"]
    wrong += ["the corpus was not minimised"] * (not merged or not merged["ok"])
    left = len(contents(work / "corpus/guilty"))
    wrong += [f"{left} inputs are left, and {merged['after'][0]} were kept"] * bool(merged and left != merged["after"][0])
    wrong += ["an input waits to be judged"] * any(path.is_file() for path in (work / "artifacts").rglob("*"))
    folders = [path.name for path in (work / "findings").iterdir() if not path.name.startswith(".")] if (work / "findings").is_dir() else []
    named = [finding["name"] for finding in data["findings"]]
    wrong += [f"findings {named}, folders {folders}"] * (len(named) != 1 or folders != named)
    if len(named) == 1 and folders == named:
        inputs = [(work / "findings" / named[0] / part).read_bytes() for part in ("input", "original")]
        wrong += [f"the finding's inputs are {inputs}"] * (inputs != [SMALL, FAILING])
    wrong += ["no report"] * (not (root / "fuzz-report/index.html").is_file())
    return wrong


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[1]).resolve()
    night.time = types.SimpleNamespace(sleep=lambda _: None, monotonic=night.time.monotonic)  # it waits for nobody
    return max(killed_everywhere(root, quarantined) for quarantined in ((), (MENDED, FAILING)))


def killed_everywhere(root, quarantined):
    """Kills a run at each of its steps; 1 when something is lost."""
    fresh_tree(root, quarantined)
    steps, killed = killed_at(root, 0)
    if killed or steps < FEWEST:
        print(f"WRONG a run that nobody kills does {steps} steps")
        return 1
    broken = 0
    for step in range(1, steps + 1):
        fresh_tree(root, quarantined)
        _, killed = killed_at(root, step)
        work = root / "build/fuzz-run"
        held = set().union(*(contents(work / part) for part in ("corpus", "artifacts", "before")))
        try:
            wrong = faults(root, held, sitting(root, resume=True), quarantined) + ["it was not killed"] * (not killed)
        except Exception as error:  # pylint: disable=broad-except  # whatever a resumed run dies of
            wrong = [f"the resumed run ends with {error!r}"]
        for fault in wrong:
            print(f"WRONG killed at step {step} of {steps}: {fault}")
        broken += bool(wrong)
    print(f"{broken} of {steps} kills lose something" if broken else f"killed at each of {steps} steps and resumed: nothing lost")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
