"""One run over mutants: plants each, asks every layer, remembers what it learned."""

import json
import os

from tree import LAYERS, Trouble

# A test that takes this many times as long as without the mutant, and then some, hangs.
SLOWER, GRACE = 8, 20
VERIFY_SECONDS = 3
NO_KILL = "-"


def in_programs(mutant):
    """Whether programs hold its code themselves: that of headers, and of what is no part of the library."""
    return not mutant.file.endswith(".cpp") or mutant.file.startswith("src/cli/")


class Campaign:
    """Results live in `path`, written anew after each mutant: what was learned survives any end."""

    def __init__(self, tree, path, options, say):
        self.tree, self.path, self.options, self.say = tree, path, options, say
        self.results, self.baseline, self.killers = {}, {}, {}
        self.planted = None
        self.stale = set()  # programs that hold a mutant's code, built from a header

    # -- memory

    def remember(self, mutant, result):
        self.results[mutant.name] = {"digest": mutant.digest, "unit": " ".join(mutant.units), "file": mutant.file,
                                     "bug": mutant.bug, "isa": mutant.isa, **result}
        self.write()

    def write(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps({"results": self.results, "seconds": self.baseline}, indent=1) + "\n")
        os.replace(scratch, self.path)

    def resume(self):
        """Takes up the results of an earlier run."""
        if self.path.is_file():
            self.results = json.loads(self.path.read_text())["results"]

    def is_known(self, mutant):
        """Whether an earlier run settled it, for this edit and with as much asked. What survived is tried again."""
        known = self.results.get(mutant.name)
        if known is None or known["digest"] != mutant.digest or known["verdict"] not in ("killed", "equivalent"):
            return False
        if self.options.verify and mutant.is_kernel and "verify" not in known:
            return False
        return self.options.first or all(layer in known for layer in LAYERS)

    # -- the tree

    def plant(self, mutant):
        path = self.tree.source / mutant.file
        text = path.read_text()
        self.planted = (path, text)
        path.write_text(mutant.apply(text))

    def restore(self):
        if self.planted:
            path, text = self.planted
            path.write_text(text)
            self.planted = None

    def build(self, targets):
        if not targets:
            return
        built, words = self.tree.build(targets)
        if not built:
            raise Trouble(f"the tree without a mutant does not build:\n{words[-3000:]}")

    def prove(self, programs):
        """Builds and runs programs without a mutant, once each: all must pass, and their time is the measure."""
        new = [p for p in programs if p.name not in self.baseline]
        if not new:
            return
        self.say(f"Building and running {len(new)} programs without a mutant")
        targets = {p.target for p in new}
        self.build(["prumo", *targets])
        self.stale -= targets
        for program in new:
            outcome = self.tree.run(program, 600)
            if not outcome.passed:
                raise Trouble(f"{program.name} fails without a mutant: {outcome.what}")
            self.baseline[program.name] = outcome.seconds

    def limits(self):
        return {name: SLOWER * seconds + GRACE for name, seconds in self.baseline.items()}

    def of_unit(self, mutant, layer):
        return [p for p in self.tree.programs if p.layer == layer and p.stem in mutant.units]

    def others(self, mutant, layer):
        """The rest of a layer, those that have killed before first, then the quick ones."""
        out = [p for p in self.tree.programs if p.layer == layer and p.stem not in mutant.units]
        return sorted(out, key=lambda p: (-self.killers.get(p.name, 0), self.baseline.get(p.name, 0)))

    # -- one mutant

    def attempt(self, mutant, scopes):
        """The result of one mutant: who killed it in each layer, and its verdict. `scopes` are the programs asked."""
        result = {}
        try:
            self.plant(mutant)
            built, words = self.tree.build(["prumo"])
            if not built:
                return {"verdict": "error", "why": "it does not compile: " + words[-1500:]}
            for layer in LAYERS:
                killer = self.ask(mutant, layer, scopes)
                result[layer] = killer or NO_KILL
                if killer and self.options.first:
                    break
            if self.options.verify and mutant.is_kernel:
                result["verify"] = self.verify()
        finally:
            self.restore()
        killed = any(result.get(layer, NO_KILL) != NO_KILL for layer in LAYERS)
        if mutant.equivalent:
            result["verdict"] = "killed though equivalent" if killed else "equivalent"
            result["proof"] = mutant.equivalent
        else:
            result["verdict"] = "killed" if killed else "survived"
        if result["verdict"] == "killed" and mutant.isa and result.get("verify") == NO_KILL:
            result["verdict"] = "missed by verify"
        return result

    def ask(self, mutant, layer, scopes):
        """The name of the test of a layer that kills the planted mutant, or None."""
        for scope in scopes:
            programs = scope(self, mutant, layer)
            jobs = 1 if scope is Campaign.of_unit else self.tree.jobs
            stale = [] if in_programs(mutant) else [p.target for p in programs if p.target in self.stale]
            if stale or any(p.name not in self.baseline for p in programs):
                self.restore()
                self.build(stale)
                self.stale.difference_update(stale)
                self.prove(programs)
                self.plant(mutant)
                self.build_mutated(["prumo"])
            if in_programs(mutant):
                self.stale.update(p.target for p in programs)
                self.build_mutated([p.target for p in programs])
            found = self.tree.run_until_failure(programs, self.limits(), jobs)
            if found:
                program, outcome = found
                self.killers[program.name] = self.killers.get(program.name, 0) + 1
                return f"{program.stem}: {outcome.what}"
        return None

    def build_mutated(self, targets):
        if targets:
            built, words = self.tree.build(targets)
            if not built:
                raise Trouble(f"a mutant that compiled does not build {' '.join(targets)}:\n{words[-3000:]}")

    def verify(self):
        """What `prumo verify` says of the planted mutant."""
        self.build_mutated(["prumo_cli"])
        command = [str(self.tree.build_folder / "prumo"), "verify", "--seconds", str(VERIFY_SECONDS)]
        status, output, _ = self.tree.execute(command, VERIFY_SECONDS + GRACE)
        lines = [line for line in output.splitlines() if line.strip()]
        if status == 0:
            return NO_KILL
        return "timeout" if status is None else (lines[-1] if lines else f"exit {status}")
