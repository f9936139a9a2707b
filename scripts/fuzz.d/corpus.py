"""The inputs of a run: a folder a target that grows overnight, is minimised at the end and swapped on success.

The committed corpora are only read, unless a person asks for more (commit)."""

import hashlib
import json
import os
import re
import shutil

from state import write_atomically

MOST_FILES, MOST_BYTES = 200, 1 << 20  # of a committed corpus


def files_of(folder):
    """All files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def size(folder):
    """(files, bytes)."""
    sizes = [path.stat().st_size for path in files_of(folder)]
    return len(sizes), sum(sizes)


def name_of(data):
    """libFuzzer's own name of an input."""
    return hashlib.sha1(data).hexdigest()


class Corpora:
    """Below `work`: corpus/TARGET grows, merged/TARGET is the minimised one until it replaces that, before/TARGET is
    what it replaced, quarantine/TARGET has the inputs that fail. merged/TARGET.json says that a minimised one is whole,
    and stays until the run's state has it."""

    def __init__(self, work):
        self.work = work

    def folder(self, target):
        return self.work / "corpus" / target.name

    def journal(self, target):
        return self.work / "merged" / f"{target.name}.json"

    def mend(self, target):
        """What a kill may have cut in two: a swap goes on, and an input that was cut short gets its own name."""
        if self.journal(target).is_file():
            self.swap(target)
        folder = self.folder(target)
        for path in files_of(folder):
            name = name_of(path.read_bytes())
            if path.name != name:
                os.replace(path, folder / name)

    def seed(self, target):
        """Copies the committed seeds that are not there yet."""
        folder = self.folder(target)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal(target).unlink(missing_ok=True)  # an earlier run's
        quarantine = self.work / "quarantine" / target.name
        for path in files_of(target.seeds):
            data = path.read_bytes()
            name = name_of(data)
            if not (folder / name).exists() and not (quarantine / name).exists():
                scratch = self.work / f"seed-{target.name}"
                scratch.write_bytes(data)
                os.replace(scratch, folder / name)

    def quarantine(self, target, data):
        """An input that fails must not be read again by every slice."""
        away = self.work / "quarantine" / target.name
        away.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder(target), self.work / "merged" / target.name):
            path = folder / name_of(data)
            if path.is_file():
                os.replace(path, away / path.name)

    def quarantined(self, target, name):
        """Where an input in quarantine lies."""
        return self.work / "quarantine" / target.name / name

    def release(self, target, name):
        """An input that failed once and passes now is one as any other."""
        os.replace(self.quarantined(target, name), self.folder(target) / name)

    def minimise(self, target, engine, seconds):
        """Merges into a new folder, replays that in the sanitized and in the scalar build, and swaps. Returns
        {"before", "after", "edges", "features", "ok", "why"}; on failure the old corpus stays. forget() it when the state has it."""
        journal = self.journal(target)
        if journal.is_file():  # an earlier sitting came so far
            return json.loads(journal.read_text())
        old, new = self.folder(target), self.work / "merged" / target.name
        control = self.work / "merged" / f"{target.name}.control"
        # From the beginning: libFuzzer takes a control file that is complete for a merge that was written.
        shutil.rmtree(new, ignore_errors=True)
        control.unlink(missing_ok=True)
        new.mkdir(parents=True)
        result = {"before": size(old), "after": size(old), "edges": 0, "features": 0, "ok": False, "why": ""}
        merge = engine.run(target, "fast", ["-set_cover_merge=1", f"-merge_control_file={control}",
                                             f"-artifact_prefix={self.artifacts(target, 'fast')}/"], [new, old],
                           seconds=seconds)
        if merge.status != 0:
            result["why"] = f"the merge ended with status {merge.status}{' at its time limit' if merge.killed else ''}"
            return result
        if not files_of(new):
            result["why"] = "the merge kept nothing"
            return result
        for build in ("scalar", "sanitized"):
            replay = self.replay(target, engine, build, new, seconds)
            if replay.status != 0:
                result["why"] = f"the {build} replay ended with status {replay.status}"
                return result
        result.update(edges=replay.edges, features=replay.features, after=size(new), ok=True)
        write_atomically(journal, json.dumps(result))
        self.swap(target)
        control.unlink(missing_ok=True)
        return result

    def swap(self, target):
        """Puts the minimised corpus in the place of the old one. Cut in two anywhere, it goes on when called again."""
        old, new, before = (self.work / part / target.name for part in ("corpus", "merged", "before"))
        if not new.is_dir():
            return
        if old.is_dir():
            before.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(before, ignore_errors=True)
            os.replace(old, before)
        os.replace(new, old)

    def forget(self, target):
        """The state has the result of minimise() now."""
        self.journal(target).unlink(missing_ok=True)

    def replay(self, target, engine, build, folder, seconds):
        """Runs a folder once. What fails (another build wrote it) is left for triage and put away; then again."""
        waiting = self.artifacts(target, build)
        for _ in range(MOST_FILES):
            outcome = engine.run(target, build, ["-runs=0", f"-artifact_prefix={waiting}/"], [folder], seconds=seconds)
            away = [path for path in waiting.iterdir() if (folder / name_of(path.read_bytes())).is_file()]
            if outcome.status == 0 or not away:
                break
            for path in away:
                self.quarantine(target, path.read_bytes())
        return outcome

    def artifacts(self, target, build):
        """Where a build's failing inputs of a target wait for triage."""
        folder = self.work / "artifacts" / target.name / build
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @staticmethod
    def cut_short(path):
        """Whether a failing input is not what its name says."""
        found = re.fullmatch(r"[a-z]+-([0-9a-f]{40})", path.name)
        return bool(found) and found[1] != name_of(path.read_bytes())

    def commit(self, target, engine, seconds):
        """Adds to the committed corpus what reaches more than it does, small inputs first, within the limits. Returns
        the number of new files."""
        scratch = self.work / "commit" / target.name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        seeds = files_of(target.seeds)
        held = set()
        for path in seeds:
            data = path.read_bytes()
            held.add(name_of(data))
            (scratch / name_of(data)).write_bytes(data)
        done = engine.run(target, "fast", ["-merge=1", f"-artifact_prefix={self.artifacts(target, 'fast')}/"],
                          [scratch, self.folder(target)], seconds=seconds)
        if done.status != 0:
            return 0
        files, total = len(seeds), sum(path.stat().st_size for path in seeds)
        added = 0
        target.seeds.mkdir(parents=True, exist_ok=True)
        for path in sorted(files_of(scratch), key=lambda p: (p.stat().st_size, p.name)):
            length = path.stat().st_size
            if path.name in held or files + 1 > MOST_FILES or total + length > MOST_BYTES:
                continue
            shutil.move(path, target.seeds / path.name)  # a rename: never half a seed
            files, total, added = files + 1, total + length, added + 1
        return added
