"""The measurement: engines in turn, forwards and backwards, so that what slows the machine slows all of them."""

import dataclasses
import statistics

from engines import Test


def groups(prompts, generates, depths):
    """Tests that one process can run: those of one depth."""
    for depth in depths:
        tests = [Test(prompt=n, depth=depth) for n in prompts if n] + [Test(generate=n, depth=depth) for n in generates if n]
        if tests:
            yield depth, tests


def turns(engines, rounds):
    """(round, engine) in the order A B B A A B B A: each engine is as often before as behind each other."""
    for number in range(rounds):
        for engine in engines if number % 2 == 0 else reversed(engines):
            yield number, engine


MOST_TRIED = 1024  # the depth at which options are tried, for a test at a greater one


class Session:
    """One model at one number of threads and one depth."""

    def __init__(self, settings, say):
        self.settings, self.say = settings, say

    def ask(self, engine, model, threads, tests, repetitions, variant):
        s = self.settings
        return engine.run(s.prefix, model, threads, tests, repetitions, s.timeout, variant)

    def best_variants(self, peer, model, threads, tests):
        """The fastest way to run each test, by one try of every variant: ({test: variant}, {test: error})."""
        shallow = {test: dataclasses.replace(test, depth=min(test.depth, MOST_TRIED)) for test in tests}
        tried = [(variant, self.ask(peer, model, threads, list(shallow.values()), 1, variant))
                 for variant in peer.variants()]
        chosen, errors = {}, {}
        for test in tests:
            answers = [(answer.seconds[shallow[test]], variant) for variant, answer in tried
                       if shallow[test] in answer.seconds]
            if answers:
                chosen[test] = min(answers)[1]
            else:
                errors[test] = tried[0][1].error
        return chosen, errors

    def measure(self, engines, model, threads, tests):
        """{test: {engine name: {"seconds": [a round], "options": [...]} or {"error": ...}}} and Prumo's own rows."""
        results = {test: {} for test in tests}
        plan = {}  # engine name -> {variant: [tests]}
        for engine in engines:
            able = [test for test in tests if engine.can(test)]
            for test in tests:
                if test not in able:
                    results[test][engine.name] = {"error": "no such test"}
            if not able:
                plan[engine.name] = {}
                continue
            if len(engine.variants()) > 1:
                self.say(f"{engine.name}: which options are its best")
                chosen, errors = self.best_variants(engine, model, threads, able)
                for test, error in errors.items():
                    results[test][engine.name] = {"error": error}
            else:
                chosen = {test: engine.variants()[0] for test in able}
            plan[engine.name] = {}
            for test, variant in chosen.items():
                plan[engine.name].setdefault(variant, []).append(test)
                results[test][engine.name] = {"seconds": [], "options": list(variant)}
        rows = {test: [] for test in tests}
        for number, engine in turns(engines, self.settings.rounds):
            for variant, some in plan[engine.name].items():
                self.say(f"round {number + 1} of {self.settings.rounds}, {engine.name}")
                answer = self.ask(engine, model, threads, some, self.settings.repetitions, variant)
                for test in some:
                    cell = results[test][engine.name]
                    if test not in answer.seconds:
                        cell["error"] = answer.error or "no result"
                    elif "error" not in cell:
                        cell["seconds"].append(answer.seconds[test])
                        if engine.name == "Prumo":
                            rows[test].append(answer.rows[test])
        return results, rows


def spread(values):
    """Median, and the quartiles where there are eight values or more, else the least and the most."""
    values = sorted(values)
    if len(values) >= 8:
        low, _, high = statistics.quantiles(values, n=4)
    else:
        low, high = values[0], values[-1]
    return {"median": statistics.median(values), "low": low, "high": high}


def limits_of(rows, threads):
    """The machine's limits as Prumo measured them in these very runs, the best of all; and how it loads."""
    read = max((row["read_gb_s"] for row in rows), default=0)
    peak = max((row["int8_peak_gop_s"] or 0 for row in rows), default=0)
    return {"threads": threads, "read_gb_s": read, "int8_gop_s": peak,
            "first_token_s": statistics.median([row["first_token_ns"] / 1e9 for row in rows] or [0]),
            "peak_bytes": max((row["peak_rss_bytes"] for row in rows), default=0),
            "kv_cache_bytes": max((row["kv_cache_bytes"] for row in rows), default=0)}


def least_seconds(rows, limits):
    """What a test takes at the machine's nearer limit, by Prumo's count of the bytes that it reads and, of a prompt, the
    operations that it takes. 0: nobody counted."""
    for row in rows:
        reading = row["gb_s"] * row["median_ns"] / 1e9 / limits["read_gb_s"]
        computing = (row["gop_s"] or 0) * row["median_ns"] / 1e9 / limits["int8_gop_s"] if limits["int8_gop_s"] else 0
        return max(reading, computing)
    return 0


def figures(test, threads, results, rows, limits):
    """One row of the result: tokens a second, shares and ratios."""
    out = {"threads": threads, "test": test.name, "n_prompt": test.prompt, "n_gen": test.generate,
           "n_depth": test.depth, "engines": {}, "ratios": {}, "best_peer": None}
    least = least_seconds(rows, limits)
    for name, cell in results.items():
        if "error" in cell:
            out["engines"][name] = {"error": cell["error"]}
            continue
        speeds = [test.tokens / seconds for seconds in cell["seconds"]]
        share = least / statistics.median(cell["seconds"]) if least else None
        out["engines"][name] = {"tok_s": spread(speeds), "samples_tok_s": speeds, "options": cell["options"],
                                "share": share}
    own = results.get("Prumo", {})
    if "error" in own or not own:
        return out
    for name, cell in results.items():
        if name == "Prumo" or "error" in cell:
            continue
        # Of one round: the runs that stood next to each other.
        out["ratios"][name] = spread([theirs / ours for ours, theirs in zip(own["seconds"], cell["seconds"])])
    if out["ratios"]:
        out["best_peer"] = min(out["ratios"], key=lambda name: out["ratios"][name]["median"])
    return out
