"""The memory of a run: one JSON file, replaced whole after every slice. `again` has the inputs in quarantine, by target,
that failed in earlier runs and wait to be tried anew."""

import json
import os
import time

VERSION = 2
MOST_POINTS = 300  # of a plot


def write_atomically(path, text):
    """All of it or nothing, at any moment of a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    with open(scratch, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def new_target():
    """What is known of a target before its first slice. `recent` is its decayed count of new features, `served` its
    seconds over its weight."""
    return {"slices": 0, "seconds": 0.0, "executions": 0, "new_units": 0, "last_new": None, "recent": 0.0, "served": 0.0,
            "builds": {}, "series": {}, "corpus": [], "merged": None}


class State:
    """`data` is what the file holds; everything else is for this process."""

    def __init__(self, path, data):
        self.path, self.data = path, data
        self._since = time.monotonic()

    @classmethod
    def fresh(cls, path, options, targets, provenance):
        return cls(path, {"version": VERSION, "begun": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "hours": options.hours,
                          "jobs": options.jobs, "seed": options.seed, "elapsed": 0.0, "slices": 0, "phase": "fuzz",
                          "sittings": 1, "provenance": provenance, "findings": [], "trouble": [], "fault": None,
                          # A fault may have been mended, or be there still: this run says which.
                          "again": {target.name: sorted(file.name for file in (path.parent / "quarantine" / target.name).glob("*"))
                                    for target in targets},
                          "targets": {target.name: new_target() for target in targets}})

    @classmethod
    def load(cls, path):
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("version") != VERSION:
            raise ValueError(f"{path} is of another version of this script")
        lines = path.parent / "slices.jsonl"
        if lines.is_file():  # without the line that a kill cut short
            whole = lines.read_text(encoding="utf-8").rpartition("\n")
            if whole[2]:
                write_atomically(lines, whole[0] + whole[1])
        return cls(path, data)

    def elapsed(self):
        """Seconds of fuzzing, those of earlier sittings included."""
        return self.data["elapsed"] + time.monotonic() - self._since

    def restart_clock(self):
        """From here on time counts; building does not."""
        self._since = time.monotonic()

    def save(self):
        now = time.monotonic()
        self.data["elapsed"] += now - self._since
        self._since = now
        write_atomically(self.path, json.dumps(self.data, separators=(",", ":")))

    def add_slice(self, target, build, outcome, begun, corpus, seed):
        """Adds a slice that began at `begun` seconds of the run and left `corpus` (files, bytes)."""
        t = self.data["targets"][target]
        b = t["builds"].setdefault(build, {"slices": 0, "seconds": 0.0, "executions": 0, "edges": 0, "features": 0})
        for part in (t, b):
            part["slices"] += 1
            part["seconds"] += outcome.seconds
            part["executions"] += outcome.executions
        b["edges"], b["features"] = max(b["edges"], outcome.edges), max(b["features"], outcome.features)
        t["new_units"] += outcome.new_units
        if outcome.last_new is not None:
            t["last_new"] = begun + outcome.last_new
        series = t["series"].setdefault(build, [])
        series += [[round(begun + s, 1), edges, features] for s, edges, features in outcome.points]
        if outcome.points:
            series.append([round(begun + outcome.seconds, 1), outcome.edges, outcome.features])
        t["corpus"].append([round(begun + outcome.seconds, 1), *corpus])
        t["series"][build], t["corpus"] = thin(series), thin(t["corpus"])
        gained = outcome.features - outcome.first[1] if outcome.first else 0
        t["recent"] = t["recent"] / 2 + max(gained, 0)
        self.data["slices"] += 1
        line = {"slice": self.data["slices"], "target": target, "build": build, "seed": seed, "at": round(begun, 1),
                "seconds": round(outcome.seconds, 1), "executions": outcome.executions, "edges": outcome.edges,
                "features": outcome.features, "new_units": outcome.new_units, "status": outcome.status}
        with open(self.path.parent / "slices.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def thin(points):
    """At most MOST_POINTS, the first and the last among them."""
    while len(points) > MOST_POINTS:
        points = points[:-1:2] + points[-1:]
    return points
