#!/usr/bin/env python3
"""Try scripts/compare on engines that are scripts: what they say is known, so every figure is.

Usage: self_test.py FOLDER   (where they are made anew)"""

import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import measure  # noqa: E402
import page  # noqa: E402
import plot  # noqa: E402
from engines import Test  # noqa: E402

# Engines: a number of ms a token for a prompt and for text, and what -fa 1 is worth. Each call is written down.
ENGINE = r"""#!{python}
import json, pathlib, sys
PROMPT, TEXT, FA, FAULT, KNOWN, OURS = {values}
words = sys.argv[1:]
if words == ["--help"]:
    print("  " + "\n  ".join(word + " <x>" for word in KNOWN.split())); sys.exit(0)
with open({log!r}, "a") as log:
    log.write({name!r} + " " + " ".join(words) + "\n")
if words[:2] == ["bench", "--synthetic"]:
    if "bad" in words[2]:
        sys.exit("prumo: shape: It is bad.")
    pathlib.Path(words[4]).write_bytes(b"x" * 1000); sys.exit(0)
if FAULT == "load":
    sys.exit("main: error: failed to load model 'x'")
if FAULT == "words":
    print("not json"); sys.exit(0)
if FAULT == "crash":
    import os, signal; os.kill(os.getpid(), signal.SIGKILL)
if FAULT == "sleep":
    import time; time.sleep(60)
def value(key, default="0"):
    return words[words.index(key) + 1] if key in words else default
def numbers(key):
    return [int(n) for n in value(key).split(",") if int(n)]
depth = int(value("-d"))
speed = FA if value("-fa") == "1" else 1.0
rows = []
def row(prompt, text, ms):
    ns = ms * 1e6 / speed
    ours = dict(n_depth=depth, read_gb_s=10.0, int8_peak_gop_s=100.0, median_ns=ns, gb_s=8.0 if text else 2.0,
                gop_s=None if text else 50.0, first_token_ns=5e8, peak_rss_bytes=1100, kv_cache_bytes=100)
    rows.append(dict(n_prompt=prompt, n_gen=text, build_commit="abc", samples_ns=[ns, ns, ns * 9], **(ours if OURS else {{}})))
for n in numbers("-p"):
    row(n, 0, n * PROMPT)
if FAULT != "missing":
    for n in numbers("-n"):
        row(0, n, n * TEXT)
for i, word in enumerate(words):
    if word == "-gp":
        d, n = words[i + 1].split(","); row(int(d), int(n), int(n) * TEXT)
print(json.dumps(rows))
"""
ALL = "-m -p -n -t -o -r"


def expect(condition, what, said=""):
    if not condition:
        raise SystemExit(f"self_test: {what}\n{said}")


class Toys:
    """A folder of engines, and runs of scripts/compare over them."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.log = folder / "log"
        self.engine("prumo", 1, 10, ours=True)
        self.stamp(0)
        (folder / "model.gguf").write_bytes(b"x" * 1000)

    def engine(self, name, prompt, text, fa=1.0, fault="", known=ALL, ours=False):
        path = self.folder / name
        path.write_text(ENGINE.format(python=sys.executable, log=str(self.log), name=name,
                                      values=repr((prompt, text, fa, fault, known, ours))))
        path.chmod(0o755)
        return f"{name}={path}"

    def stamp(self, status):
        path = self.folder / "prumo_stamp"
        path.write_text(f"#!/bin/sh\n[ {status} = 0 ] || echo 'a test is missing' >&2\nexit {status}\n")
        path.chmod(0o755)

    def run(self, *words, model=True):
        """(exit status, the figures, stdout, stderr, the calls)"""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        command = [sys.executable, str(HERE.parent / "compare"), "--prumo", str(self.folder / "prumo"), "--out", str(out)]
        command += ["-m", f"toy={self.folder / 'model.gguf'}"] if model else []
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        path = out / "compare.json"
        data = json.loads(path.read_text()) if path.is_file() else None
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        return done.returncode, data, done.stdout, done.stderr, calls


def rows_of(data):
    return {(row["test"], row["threads"]): row for row in data["models"][0]["rows"]}


def near(a, b):
    return abs(a - b) <= 1e-9 * abs(b)


def pure_parts():
    order = [engine for _, engine in measure.turns("AB", 4)]
    expect("".join(order) == "ABBAABBA", "turns are not A B B A", order)
    expect("".join(engine for _, engine in measure.turns("ABC", 2)) == "ABCCBA", "three engines do not turn back")
    expect(measure.spread([3, 1, 2]) == {"median": 2, "low": 1, "high": 3}, "few values: least and most")
    expect(measure.spread([1, 2, 3, 4, 5, 6, 7, 100])["high"] < 50, "many values: quartiles")
    limits = {"read_gb_s": 10.0, "int8_gop_s": 100.0}
    few, many = dict(gb_s=9.0, gop_s=20.0, median_ns=1e9), dict(gb_s=2.0, gop_s=50.0, median_ns=1e9)
    expect(near(measure.least_seconds([few], limits), 0.9), "a few tokens are held up by memory")
    expect(near(measure.least_seconds([many], limits), 0.5), "many tokens by the int8 peak")
    expect(near(measure.least_seconds([many], {**limits, "int8_gop_s": 0}), 0.2), "an unknown peak holds up nobody")
    groups = list(measure.groups([0, 8], [4], [0, 16]))
    expect(groups == [(0, [Test(prompt=8), Test(generate=4)]), (16, [Test(prompt=8, depth=16), Test(generate=4, depth=16)])],
           "groups of tests", groups)
    expect(Test(generate=4, depth=16).name == "tg4 @ d16" and Test(prompt=8).name == "pp8", "names of tests")
    expect(plot.ticks(0.9, 1.9) == [0.5, 1, 2] and plot.ticks(0.3, 9) == [0.25, 0.5, 1, 2, 4, 8, 16], "ticks")
    expect(page.number(123.4) == "123" and page.number(12.34) == "12.3" and page.number(1.234) == "1.23", "numbers")


def figures(toys):
    slow = toys.engine("slow", 2, 30)
    fast = toys.engine("fast", 4, 5, fa=2.0, known=ALL + " -fa -rtr -d")
    status, data, text, said, calls = toys.run("--peer", slow, "--peer", fast, "-p", "8", "-n", "4", "-t", "1,2", "--rounds", "2")
    expect(status == 0, "a plain run fails", said)
    rows = rows_of(data)
    expect(set(rows) == {("pp8", 1), ("tg4", 1), ("pp8", 2), ("tg4", 2)}, "which rows", list(rows))
    prompt, generated = rows["pp8", 1], rows["tg4", 1]
    # Prumo 1 ms a token of a prompt, slow 2, fast 4 / 2 with flash attention; of text 10, 30, 5 / 2.
    expect(near(prompt["engines"]["Prumo"]["tok_s"]["median"], 1000), "Prumo's speed", prompt)
    expect(near(prompt["ratios"]["slow"]["median"], 2) and near(prompt["ratios"]["fast"]["median"], 2), "ratios", prompt)
    expect(near(generated["ratios"]["slow"]["median"], 3) and near(generated["ratios"]["fast"]["median"], 0.25), "ratios",
           generated)
    expect(generated["best_peer"] == "fast" and generated["engines"]["fast"]["options"][:2] == ["-fa", "1"],
           "the better peer, at its best", generated)
    expect(near(generated["engines"]["Prumo"]["share"], 0.8) and near(generated["engines"]["slow"]["share"], 0.8 / 3) and
           near(prompt["engines"]["Prumo"]["share"], 0.5), "shares of the limits", generated)
    expect(len(generated["engines"]["slow"]["samples_tok_s"]) == 2, "a sample a round", generated)
    expect("| 1 | tg4 | 100 | 80 % | 33.3 | 27 % | 400 | 320 % | **0.25 (0.25–0.25)** |" in text, "the table", text)
    expect("A peer is faster in: toy, tg4, 1 thread: fast, 0.25; toy, tg4, 2 threads: fast, 0.25." in text, "losses", text)
    expect("first token 0.50 s" in text and "memory 1.00 of file" in text, "how it loads", text)
    order = [call.split()[0] for call in calls if "-t 1" in call]
    # Four tries of the options of fast, then the two rounds.
    expect(order == ["fast"] * 4 + ["prumo", "slow", "fast", "fast", "slow", "prumo"], "the order of the turns", order)
    expect(all("bench" in call for call in calls if call.startswith("prumo")), "prumo bench", calls)
    picture = (toys.folder / "out/compare.svg").read_text()
    root = xml.etree.ElementTree.fromstring(picture)
    expect(len(root.findall(".//{*}circle")) == 2 + 2 * 4, "a point a ratio, and the legend", picture)
    # Rendered again from its JSON, the same.
    again = subprocess.run([sys.executable, str(HERE.parent / "compare"), "--render", str(toys.folder / "out/compare.json"),
                            "--out", str(toys.folder / "again")], capture_output=True, text=True, check=False)
    expect(again.returncode == 0 and again.stdout == text, "--render", again.stderr)
    expect((toys.folder / "again/compare.svg").read_text() == picture, "the plot of --render")
    expect("int8 peak 100 GOP/s;" in text, "the int8 peak", text)
    # With another instruction set than AVX-512 nobody knows the peak, and nothing is said of it.
    unknown = toys.folder / "unknown.json"
    unknown.write_text((toys.folder / "out/compare.json").read_text().replace('"int8_gop_s": 100.0', '"int8_gop_s": 0'))
    rendered = subprocess.run([sys.executable, str(HERE.parent / "compare"), "--render", str(unknown), "--out",
                               str(toys.folder / "again")], capture_output=True, text=True, check=False)
    expect("GB/s; Prumo's first token" in rendered.stdout and "GOP/s" not in rendered.stdout, "no int8 peak", rendered.stdout)


def depths(toys):
    by_d = toys.engine("by_d", 2, 20, known=ALL + " -d")
    by_gp = toys.engine("by_gp", 2, 40, known=ALL + " -gp")
    neither = toys.engine("neither", 2, 20)
    status, data, text, said, calls = toys.run("--peer", by_d, "--peer", by_gp, "--peer", neither, "-p", "8", "-n", "4", "-d",
                                               "64", "-t", "1", "--rounds", "1")
    expect(status == 0, "a run at a depth fails", said)
    rows = rows_of(data)
    generated, prompt = rows["tg4 @ d64", 1], rows["pp8 @ d64", 1]
    expect(near(generated["ratios"]["by_d"]["median"], 2) and near(generated["ratios"]["by_gp"]["median"], 4), "depth", generated)
    deep = toys.engine("deep", 2, 20, known=ALL + " -fa -d")
    tried = toys.run("--peer", deep, "-p", "0", "-n", "4", "-d", "4096", "-t", "1", "--rounds", "1")[4]
    expect([call.split("-d ")[1].split()[0] for call in tried if call.startswith("deep")] == ["1024", "1024", "4096"],
           "options are not tried at a lesser depth", tried)
    expect(prompt["engines"]["by_gp"]["error"] == "no such test" and "neither" not in generated["ratios"], "no such test", text)
    expect(any("-gp 64,4" in call for call in calls) and not any(call.startswith("neither") for call in calls), "calls", calls)


def failures(toys):
    good = toys.engine("good", 2, 20)
    base = ("-p", "8", "-n", "4", "-t", "1", "--rounds", "1")
    for fault, words in (("load", "cannot load"), ("words", "no JSON"), ("crash", "ended by SIGKILL"), ("sleep", "no answer in 5 s"),
                         ("missing", "no result for tg4")):
        bad = toys.engine("bad", 2, 20, fault=fault)
        status, data, text, said, _ = toys.run("--peer", bad, "--peer", good, "--timeout", "5" if fault == "sleep" else "60", *base)
        rows = rows_of(data)
        expect(status == 0 and words in rows["tg4", 1]["engines"]["bad"]["error"], f"a peer's fault {fault}", said + text)
        expect(words.split(":")[0] in text and words in said, f"fault {fault} is not said", said + text)
        expect(rows["tg4", 1]["best_peer"] == "good", "the other peer is still measured", text)
        expect(("bad" in rows["pp8", 1]["ratios"]) == (fault == "missing"), "what there is counts", text)
    toys.engine("prumo", 1, 10, fault="load", ours=True)
    status, data, text, said, _ = toys.run("--peer", good, *base)
    expect(status == 1 and "cannot load" in text and rows_of(data)["tg4", 1]["ratios"] == {}, "Prumo's own fault", said + text)
    toys.engine("prumo", 1, 10, ours=True)

    for words, sentence in ((("--peer", "gone=/no/such/llama-bench"), "/no/such/llama-bench is no program"),
                            (("--peer", "alone"), "say NAME=PATH"), ((), "No peer"),
                            (("--peer", f"dumb={shutil.which('true')}"), "does not speak"),
                            (("--peer", good, "--peer", good), "a name of its own"),
                            (("--peer", good, "-p", "0", "-n", "0"), "Nothing to measure"),
                            (("--peer", good, "-m", "/no/such.gguf"), "no such file"),
                            (("--peer", good, "-t", "0"), "whole numbers from 1"),
                            (("--peer", good, "--synthetic", "bad=bad:Q8_0"), "It is bad"),
                            (("--peer", good, "--prumo", "/no/prumo"), "build Prumo first")):
        status, data, text, said, calls = toys.run(*words)
        expect(status == 2 and sentence in said and not text, f"trouble: {words}", said + text)
    status, _, _, said, _ = toys.run("--peer", good, model=False)
    expect(status == 2 and "No model" in said, "no model", said)

    toys.stamp(1)
    status, data, text, said, calls = toys.run("--peer", good, *base)
    expect(status == 2 and "a test is missing" in said and not calls, "an unproved build is timed", said)
    status, data, text, said, calls = toys.run("--peer", good, "--unproved", *base)
    expect(status == 0 and data["unproved"] == "a test is missing" and "UNPROVED: a test is missing" in text and
           "UNPROVED" in (toys.folder / "out/compare.svg").read_text(), "an unproved run does not say so", text)
    status, _, _, said, _ = toys.run("--peer", good, "--unproved", "--readme", *base)
    expect(status == 2 and "unproved build's figures" in said, "unproved figures go into README.md", said)
    toys.stamp(0)


def synthetic(toys):
    good = toys.engine("good", 2, 20)
    status, data, text, said, calls = toys.run("--peer", good, "--synthetic", "two=64x2:2:1:64:300:Q8_0", "--rounds", "1", "-t", "1",
                                               "--isa", "avx2")
    expect(status == 0 and [model["name"] for model in data["models"]] == ["toy", "two"], "a synthetic model", said)
    expect(data["models"][1]["bytes"] == 1000 and data["isa"] == "avx2", "the file is seen", data)
    expect(not (toys.folder / "out/synthetic.gguf").exists(), "the file is left behind")
    expect("/" not in data["command"].replace("PATH/", "").replace("scripts/compare", ""), "paths in the command", data["command"])


def readme(toys):
    loader = importlib.machinery.SourceFileLoader("compare_script", str(HERE.parent / "compare"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare_script", loader))
    loader.exec_module(module)
    good = toys.engine("good", 2, 20)
    _, data, text, _, _ = toys.run("--peer", good, "-t", "1", "--rounds", "1")
    root = toys.folder / "tree"
    (root / "bench").mkdir(parents=True)
    path = root / "README.md"
    path.write_text("No place.\n")
    try:
        module.into_readme(data, root)
        expect(False, "a README.md without a place is written")
    except module.Trouble:
        expect(path.read_text() == "No place.\n", "a README.md without a place is changed")
    path.write_text(f"Before.\n{module.BEGIN}\nold\n{module.END}\nBehind.\n")
    for _ in range(2):  # what it wrote it can write again
        module.into_readme(data, root)
        made = path.read_text()
        expect(made.startswith("Before.\n") and made.endswith("\nBehind.\n") and "old" not in made and text.strip() in made and
               "scripts/compare --prumo" in made, "README.md", made)
    expect(json.loads((root / "bench/compare.json").read_text()) == data, "bench/compare.json")
    expect((root / "bench/compare.svg").read_text().startswith("<svg"), "bench/compare.svg")


def main():
    toys = Toys(pathlib.Path(sys.argv[1]).resolve())
    pure_parts()
    figures(toys)
    depths(toys)
    failures(toys)
    synthetic(toys)
    readme(toys)
    print("self_test: every figure and every trouble came out")


if __name__ == "__main__":
    main()
