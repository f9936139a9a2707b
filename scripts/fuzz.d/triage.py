"""From a failing input to a finding: confirmed, tried on each instruction set, minimised, told from those known."""

import hashlib
import json
import os
import shutil
import time

import signature
from targets import BUILDS, instruction_sets

RERUNS = 3
TRIALS = 4  # how many inputs of a known signature, of each build, are tried on every instruction set; later ones are counted


def bytes_as_text(data, columns=24):
    """A C++ initialiser, lines of `columns` numbers."""
    numbers = [f"0x{byte:02x}" for byte in data]
    return ",\n      ".join(", ".join(numbers[i:i + columns]) for i in range(0, len(numbers), columns))


def ready_test(finding, data):
    """A GoogleTest file for tests/ that runs the target once on exactly these bytes."""
    suite = "".join(part.capitalize() for part in finding["target"].split("_"))
    isa = "" if finding["fails_by_default"] or not finding["isas"] else \
        f"// Fails with PRUMO_ISA={finding['isas'][0]} in the environment.\n"
    shown = "// Shown under sanitizers (the preset asan-ubsan); other builds may let it pass.\n" \
        if finding.get("shown_by") == "sanitized" else ""
    return f"""// {finding['kind'].capitalize()} found by the fuzz target {finding['target']}: {finding['message']}
{shown}{isa}#include "../fuzz/{finding['target']}.cpp"

#include <gtest/gtest.h>  // behind the target, in which testing:: is prumo's own

#include <vector>

TEST(FuzzFind, {suite}{finding['key']}) {{
  const std::vector<std::uint8_t> bytes = {{
      {bytes_as_text(data)}}};
  EXPECT_EQ(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()), 0);
}}
"""


class Triage:
    """Judges one failing input at a time. `findings` is the state's list; `lock` guards it."""

    def __init__(self, work, engine, corpora, findings, lock, minimise_seconds):
        self.folder = work / "findings"
        self.engine, self.corpora, self.findings, self.lock = engine, corpora, findings, lock
        self.minimise_seconds = minimise_seconds
        self.trials = {}
        self.scraps = work / "scraps"  # what reruns write of inputs that are known
        self.scraps.mkdir(parents=True, exist_ok=True)

    def reproduce(self, target, build, path, isa=None, symbolize=True):
        """Runs one input: (failed, log). Without symbols it is quicker."""
        seconds = 3 * target.limits["timeout"] + 60
        outcome = self.engine.run(target, build, [f"-artifact_prefix={self.scraps}/"], [path], isa, seconds, symbolize)
        return outcome.failed, outcome.log

    def judge(self, target, build, path, log, at, seed):
        """The finding that an artifact is, and whether it is new; (None, False) when the run is being stopped. `log` is
        the slice's, or None when it is lost."""
        data = path.read_bytes()
        self.corpora.quarantine(target, data)
        seen = signature.read(log, path.name) if log else None
        known = self.known_at_sight(target, build, seen, path) if seen and seen.frames else None
        if self.engine.stopping.is_set():
            return None, False
        if known:
            self.count(known)
            return known, False
        # The sanitized build tells most; a failure that it does not have is told by the build that has.
        runs, failures, best = build, 0, log or []
        for attempt in range(RERUNS):
            for candidate in dict.fromkeys(("sanitized", build)) if not failures else (runs,):
                failed, words = self.reproduce(target, candidate, path, symbolize=not failures)
                if failed:
                    runs, best, failures = candidate, words if not failures else best, failures + 1
                    break
        if self.engine.stopping.is_set():
            return None, False
        found = signature.read(best, path.name)
        isas = self.fails_on(target, runs, path) if failures else []
        if self.engine.stopping.is_set():
            return None, False
        known = self.twin(self.alike(target, found), isas, failures < RERUNS)
        if known:
            self.count(known)
            return known, False
        finding = self.describe(target, build, runs, found, failures, isas, at, seed)
        small = self.minimise(target, runs, path, found, finding)
        if self.engine.stopping.is_set():
            return None, False
        twin = self.save(finding, small, data, best)
        return (twin or finding), twin is None

    def again(self, target, path, at):
        """What an input in quarantine is now: (finding, whether it is new), or (None, False) when every build lets it pass
        or the run is being stopped. One that fails only now and then may pass: back in the corpus, it is tried often."""
        for build in BUILDS:
            failed, words = self.reproduce(target, build, path)
            if self.engine.stopping.is_set():
                break
            if failed:
                return self.judge(target, build, path, words, at, 0)
        return None, False

    def alike(self, target, found):
        """The findings of this target with that signature."""
        with self.lock:
            return [finding for finding in self.findings
                    if (finding["target"], finding["kind"], finding["message"], tuple(finding["frames"])) ==
                    (target.name, found.kind, found.message, found.frames)]

    @staticmethod
    def twin(alike, isas, flaky):
        """Of findings with one signature the one that an input is which fails on `isas`, or None. Where either fails now and
        then, or the input on none of those forced, the instruction sets tell nothing apart."""
        same = [finding for finding in alike if finding["isas"] == isas]
        steady = [finding for finding in alike if not finding["flaky"]]
        return next(iter(same or (alike if flaky or not isas or not steady else [])), None)

    def known_at_sight(self, target, build, seen, path):
        """The finding that an input is by the log of its slice, or None when it has to be judged. The same place may be at
        fault in one instruction set and in another: the first inputs are tried on each, the rest counted as the first."""
        alike = self.alike(target, seen)
        if not alike:
            return None
        tried = self.trials[target.name, build, seen] = self.trials.get((target.name, build, seen), 0) + 1
        if tried > TRIALS:
            return alike[0]
        isas = self.fails_on(target, alike[0]["shown_by"], path)
        return self.twin(alike, isas, flaky=False) if isas else None

    def fails_on(self, target, build, path):
        """The instruction sets, forced, on which an input fails."""
        return [isa for isa in instruction_sets() if self.reproduce(target, build, path, isa, symbolize=False)[0]]

    def count(self, finding):
        with self.lock:
            finding["times"] += 1

    def describe(self, target, build, runs, found, failures, isas, at, seed):
        """All of a finding but its minimal input."""
        text = "\n".join([target.name, found.kind, found.message, *found.frames, *isas])
        return {"key": hashlib.sha1(text.encode()).hexdigest()[:8], "target": target.name, "kind": found.kind,
                "message": found.message, "frames": list(found.frames), "build": build, "shown_by": runs,
                "failures": failures, "reruns": RERUNS, "flaky": failures < RERUNS, "isas": isas,
                "isas_tried": instruction_sets() if failures else [],
                "fails_by_default": failures > 0 and "PRUMO_ISA" not in BUILDS[runs][1],
                "at": round(at, 1), "seed": seed, "times": 1, "found": time.strftime("%Y-%m-%d %H:%M:%S %z")}

    def minimise(self, target, build, path, found, finding):
        """The smallest input that the time gave which still fails in the same way."""
        data = path.read_bytes()
        if finding["flaky"] or not data:
            return data
        scratch = self.folder / f".{finding['target']}-{finding['key']}"
        scratch.mkdir(parents=True, exist_ok=True)
        small = scratch / "small"
        end = time.monotonic() + self.minimise_seconds
        best = data
        # In rounds: libFuzzer gives the latest input that fails, which may fail in another way.
        while (left := end - time.monotonic()) > 1 and len(best) > 1 and not self.engine.stopping.is_set():
            source = scratch / "source"
            source.write_bytes(best)
            small.unlink(missing_ok=True)
            self.engine.run(target, build, ["-minimize_crash=1", f"-max_total_time={max(1, int(left / 3))}",
                                            f"-exact_artifact_path={small}", f"-artifact_prefix={self.scraps}/"],
                            [source], seconds=left)
            if not small.is_file() or small.stat().st_size >= len(best):
                break
            failed, words = self.reproduce(target, build, small)
            if not failed or signature.read(words) != found:
                break
            best = small.read_bytes()
        shutil.rmtree(scratch, ignore_errors=True)
        return best

    def save(self, finding, small, original, log):
        """Writes findings/NAME whole and adds the finding; another of the same key instead, if there is one."""
        name = f"{finding['target']}-{finding['kind']}-{finding['key']}"
        finding["name"], finding["bytes"], finding["original_bytes"] = name, len(small), len(original)
        folder, scratch = self.folder / name, self.folder / f".{name}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        (scratch / "input").write_bytes(small)
        (scratch / "original").write_bytes(original)
        (scratch / "log.txt").write_text("\n".join(log) + "\n")
        (scratch / "test.cpp").write_text(ready_test(finding, small))
        (scratch / "finding.json").write_text(json.dumps(finding, indent=1) + "\n")
        with self.lock:
            for other in self.findings:
                if other["key"] == finding["key"]:
                    other["times"] += 1
                    shutil.rmtree(scratch)
                    return other
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(scratch, folder)
            self.findings.append(finding)
        return None
