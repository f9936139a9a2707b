"""The night itself: workers take slices in turn, failures are judged as they come, corpora are minimised at the end."""

import json
import os
import threading
import time

import schedule
from corpus import Corpora, name_of, size
from targets import instruction_sets
from triage import Triage

MOST_FAILURES = 8  # of a slice; then the next target has its turn
MINIMISE_SECONDS = 60
PATIENCE = 60.0  # seconds beyond a slice and its alarms
SINKS = 0.95  # less of the recorded coverage than this is trouble


class Night:
    """One run over `targets`, remembered in `state`."""

    def __init__(self, options, targets, state, engine, talk):
        self.options, self.state, self.engine, self.talk = options, state, engine, talk
        self.targets = {target.name: target for target in targets}
        self.work = state.path.parent
        self.corpora = Corpora(self.work)
        self.lock = threading.RLock()
        data = state.data
        self.slice = schedule.slice_seconds(data["hours"], data["jobs"], len(targets))
        self.triage = Triage(self.work, engine, self.corpora, data["findings"], self.lock,
                             max(5.0, min(MINIMISE_SECONDS, self.slice)))
        self.turns = {name: data["targets"][name]["slices"] for name in self.targets}
        self.running, self.failed = {}, []
        self.next_number = data["slices"]

    def sit(self, stopped):
        """All that is left of the run, from wherever an earlier sitting ended. `stopped` says whether somebody asked to
        end."""
        for target in self.targets.values():
            self.corpora.mend(target)
        if self.state.data["phase"] == "fuzz":
            self.fuzz()
        if self.state.data["phase"] != "done" and not stopped():
            self.finish()

    # -- the hours

    def left(self):
        """Seconds of fuzzing that are left."""
        return schedule.fuzzing_seconds(self.state.data["hours"]) - self.state.elapsed()

    def fuzz(self):
        """Slices until the hours are over or the engine is stopped."""
        self.state.restart_clock()
        for target in self.targets.values():
            self.corpora.seed(target)
        self.state.save()
        self.judge_leftovers()
        self.side_by_side(self.work_on)

    def side_by_side(self, work):
        """As many workers as there are jobs, to their end, with the status line and an eye on processes that hang."""
        def guarded():
            try:
                work()
            except BaseException as error:  # a worker's own fault ends the night, and is told
                self.failed.append(error)
                self.engine.stop()

        threads = [threading.Thread(target=guarded) for _ in range(self.options.jobs)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.engine.end_overdue()
            self.talk.status(self.status)
            time.sleep(0.2)
        self.talk.status(None)
        if self.failed:
            raise self.failed[0]

    def each(self, names, what, task):
        """Does a task for each of these targets, side by side."""
        names = list(names)

        def work():
            while not self.engine.stopping.is_set():
                with self.lock:
                    if not names:
                        return
                    name = names.pop(0)
                    self.running[name] = what
                task(name)
                with self.lock:
                    del self.running[name]

        self.side_by_side(work)

    def work_on(self):
        """One worker: a slice after the other."""
        while not self.engine.stopping.is_set():
            with self.lock:
                open_ones = self.state.data["targets"]
                if self.left() < 1:  # the hours are over; but every target has its turn
                    open_ones = {name: t for name, t in open_ones.items() if self.turns[name] == 0}
                name = schedule.choose(open_ones, self.running, self.turns)
                if name is None:
                    return  # done, or more workers than targets
                build = schedule.build_of(self.turns[name])
                self.turns[name] += 1
                self.next_number += 1
                number = self.next_number
                self.running[name] = build
            self.one_slice(self.targets[name], build, number)
            with self.lock:
                del self.running[name]

    def seed_of(self, number):
        """libFuzzer's seed of a slice."""
        return (self.state.data["seed"] * 1000003 + number) % (2**31 - 1) + 1

    def one_slice(self, target, build, number):
        """Fuzzes one target in one build for a slice. A failure is judged, and the rest of the slice goes on."""
        end = time.monotonic() + max(schedule.SHORTEST, min(self.slice, self.left()))
        found = 0
        for attempt in range(MOST_FAILURES):
            left = end - time.monotonic()
            if self.engine.stopping.is_set() or (attempt > 0 and left < 1):
                break
            seed = self.seed_of(number + attempt * 7919)
            begun = self.state.elapsed()
            folder = self.corpora.artifacts(target, build)
            flags = [f"-max_total_time={max(1, round(left))}", f"-seed={seed}", "-print_final_stats=1", "-reload=1",
                     f"-artifact_prefix={folder}/"]
            if target.dictionary:
                flags.append(f"-dict={target.dictionary}")
            outcome = self.engine.run(target, build, flags, [self.corpora.folder(target)],
                                      seconds=left + 2 * target.limits["timeout"] + PATIENCE)
            with self.lock:
                self.remember(target, build, outcome, begun, seed)
            judged = self.judge(target, build, outcome.log, begun, seed)
            found += judged
            if not judged:
                if self.engine.stopping.is_set():
                    break
                if outcome.killed:  # libFuzzer's own alarm did not ring
                    self.trouble(f"{target.name}, {build}: was overdue, had to be killed and left no input (seed {seed}, "
                                 f"{outcome.executions} executions)")
                elif outcome.status not in (0, None):
                    self.trouble(f"{target.name}, {build}: ended with status {outcome.status} and left no input: "
                                 + " | ".join(outcome.log[-3:])[:300])
                break
        if not self.talk.live:
            self.talk.say(f"{target.name} {build}: " + self.summary(target.name) + (f", {found} failing inputs" if found else ""))

    def remember(self, target, build, outcome, begun, seed):
        """Writes what a slice brought."""
        self.state.add_slice(target.name, build, outcome, begun, size(self.corpora.folder(target)), seed)
        data = self.state.data["targets"][target.name]
        data["served"] += outcome.seconds / schedule.weight(data["recent"])
        self.state.save()

    # -- failures

    def artifacts(self):
        """(target, build, path) of every input that waits to be judged."""
        return [(target, build, path) for target in self.targets.values()
                for build in ("sanitized", "fast", "scalar")
                for path in sorted(self.corpora.artifacts(target, build).iterdir()) if path.is_file()]

    def waiting(self):
        """How many inputs failed and are not judged yet, in this run or since an earlier one."""
        return len(self.artifacts()) + sum(map(len, self.state.data["again"].values()))

    def judge_leftovers(self):
        """What an earlier sitting found and did not live to judge, and what failed in earlier runs."""
        builds = {}
        for target, build, _ in self.artifacts():
            builds.setdefault(target.name, {})[build] = None

        def one(name):
            target = self.targets[name]
            for build in builds.get(name, ()):
                self.judge(target, build, None, self.state.elapsed(), 0)
            self.judge_again(target)

        self.each([name for name in self.targets if name in builds or self.state.data["again"][name]], "judging", one)

    def judge_again(self, target):
        """Tries the inputs that are in quarantine since an earlier run: what passes now goes back to the corpus."""
        names = self.state.data["again"][target.name]
        begun, passed = len(names), 0
        for name in list(names):
            path = self.corpora.quarantined(target, name)
            if path.is_file():  # else a kill cut this in two, and it is back
                finding, new = self.triage.again(target, path, self.state.elapsed())
                if self.engine.stopping.is_set() and finding is None:
                    return
                if finding is None:
                    self.corpora.release(target, name)
                    passed += 1
                elif new:
                    self.talk.say(self.words_of(finding))
            with self.lock:
                names.remove(name)
                self.state.save()
        if begun:
            self.talk.say(f"{target.name}: of {begun} inputs that failed in earlier runs {passed} pass now")

    def judge(self, target, build, log, at, seed):
        """Judges what waits of one target and build; how many inputs that were. Only then are they taken away."""
        judged = 0
        for path in sorted(self.corpora.artifacts(target, build).iterdir()):
            if path.name.startswith("slow-unit-"):
                path.unlink()
                continue
            if self.corpora.cut_short(path):  # by a kill: an input as any other
                os.replace(path, self.corpora.folder(target) / name_of(path.read_bytes()))
                continue
            finding, new = self.triage.judge(target, build, path, log, at, seed)
            if finding is None:
                return judged
            judged += 1
            with self.lock:
                self.state.save()
            path.unlink()
            log = None  # it was the first one's
            if new:
                self.talk.say(self.words_of(finding))
        return judged

    def words_of(self, finding):
        """A new finding, for whoever watches."""
        folder = self.triage.folder / finding["name"]
        test = (folder / "test.cpp").read_text()
        if len(test) > 6000:
            test = f"(a test of {len(test)} characters: {folder / 'test.cpp'})"
        where = ", ".join(finding["isas"]) or "none of those forced"
        return (f"\nFINDING {finding['name']}: {finding['message']}\n"
                f"  found by {finding['build']}, failed {finding['failures']} of {finding['reruns']} reruns"
                f"{' (flaky)' if finding['flaky'] else ''}; with PRUMO_ISA={where}; {finding['bytes']} bytes\n  "
                + "\n  ".join(finding["frames"]) + f"\n  {folder}\n\n{test}")

    def trouble(self, text):
        with self.lock:
            if text not in self.state.data["trouble"]:
                self.state.data["trouble"].append(text)
                self.talk.say("TROUBLE " + text)

    # -- the end

    def finish(self):
        """Minimises and swaps every corpus, then judges what the run as a whole reached."""
        names = [name for name in self.targets if not self.state.data["targets"][name]["merged"]]
        self.state.data["phase"] = "merge"
        self.state.save()
        self.each(names, "merge", lambda name: self.merge(self.targets[name]))
        if self.engine.stopping.is_set():
            return
        self.judge_leftovers()
        self.judge_coverage()
        self.state.data["phase"] = "done"
        self.state.save()

    def merge(self, target):
        seconds = max(120.0, self.slice * 2)
        result = self.corpora.minimise(target, self.engine, seconds)
        if self.engine.stopping.is_set() and not result["ok"]:
            return
        if result["ok"] and self.options.commit_corpus:
            result["committed"] = self.corpora.commit(target, self.engine, seconds)
        with self.lock:
            self.state.data["targets"][target.name]["merged"] = result
            self.state.save()
        self.corpora.forget(target)
        if not result["ok"]:
            self.talk.say(f"{target.name}: the corpus stays as it is: {result['why']}")

    def judge_coverage(self):
        """Trouble for a target that ran nothing, or reaches less than fuzz/coverage.json has. A target with a finding is
        excused: its fault may have kept it from both."""
        path = self.options.root / "fuzz/coverage.json"
        machine = {"compiler": self.state.data["provenance"]["compiler"], "isas": instruction_sets()}
        floor, self.state.data["uncompared"] = self.floors(path, machine)
        if self.state.data["uncompared"]:
            self.talk.say("Coverage: " + self.state.data["uncompared"])
        excused = {finding["target"] for finding in self.state.data["findings"]}
        for name in self.targets:
            data = self.state.data["targets"][name]
            merged = data["merged"] or {}
            if data["executions"] == 0 and name not in excused:
                self.trouble(f"{name} executed nothing")
            if not merged.get("ok"):
                if name not in excused:
                    self.trouble(f"{name}: its corpus was not minimised: {merged.get('why', 'stopped')}")
                continue
            if name not in excused and merged["edges"] < SINKS * floor.get(name, 0):
                self.trouble(f"{name} reaches {merged['edges']} edges, and reached {floor[name]} when fuzz/coverage.json was "
                             "written; if that is meant, write it anew with --record-coverage")
        if self.options.record_coverage:
            path.write_text(json.dumps({**machine, "edges": dict(sorted({**floor, **self.by_seeds()}.items()))}, indent=1) + "\n")

    def floors(self, path, machine):
        """(the edges that are recorded, by target; which targets have nothing to compare with and why, or None)."""
        if not path.is_file():
            return {}, "compared with nothing: there is no fuzz/coverage.json (--record-coverage writes it)"
        recorded = json.loads(path.read_text())
        other = [f"{key} {recorded.get(key)!r}, here {value!r}" for key, value in machine.items() if recorded.get(key) != value]
        if other:
            return {}, "compared with nothing: fuzz/coverage.json was recorded with " + "; ".join(other)
        unknown = [name for name in self.targets if name not in recorded["edges"]]
        return recorded["edges"], f"fuzz/coverage.json has nothing of {', '.join(unknown)}" if unknown else None

    def by_seeds(self):
        """The edges that the committed corpus of each target reaches alone: what any run reaches, however short."""
        edges = {}
        for name, target in self.targets.items():
            outcome = self.engine.run(target, "sanitized", ["-runs=0", f"-artifact_prefix={self.triage.scraps}/"], [target.seeds])
            if outcome.status == 0:
                edges[name] = outcome.edges
            else:
                self.trouble(f"{name}: its committed corpus cannot be replayed: status {outcome.status}")
        return edges

    # -- words

    def summary(self, name):
        data = self.state.data["targets"][name]
        rate = data["executions"] / data["seconds"] if data["seconds"] else 0
        return (f"{data['executions']} executions, {rate:.0f}/s, {data['new_units']} new units, "
                f"{data['corpus'][-1][1] if data['corpus'] else 0} inputs")

    def status(self):
        """The live line."""
        with self.lock:
            data = self.state.data
            total = data["hours"] * 3600
            left = max(0, total - self.state.elapsed())
            executions = sum(t["executions"] for t in data["targets"].values())
            units = sum(t["new_units"] for t in data["targets"].values())
            running = " ".join(f"{name}/{build}" for name, build in sorted(self.running.items()))
            return (f"{int(left // 3600)}:{int(left // 60 % 60):02}:{int(left % 60):02} left, {data['slices']} slices, "
                    f"{executions:.3g} executions, {units} new, {len(data['findings'])} findings | {running}")
