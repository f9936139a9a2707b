#!/usr/bin/env python3
"""The ready tests of findings that never were: each is written as triage.py writes it, with a seed of its target, built by
the build that tests/ has, and run. `--write` does the first, when the build is configured; `--build` the rest."""

import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True

import triage  # noqa: E402


def write(folder, target):
    """ready_TARGET.cpp; it is left alone where it would stay the same, or it would be compiled again."""
    seeds = sorted((ROOT / "fuzz/corpus" / target).iterdir(), key=lambda path: (path.stat().st_size, path.name))
    finding = {"target": target, "kind": "crash", "message": "none, for a seed", "isas": [], "fails_by_default": True,
               "key": "00000000"}
    text = triage.ready_test(finding, seeds[0].read_bytes())
    path = folder / f"ready_{target}.cpp"
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.write:
        for target in options.targets:
            write(options.folder, target)
        return 0
    programs = [f"test_ready_{target}" for target in options.targets]
    subprocess.run(["cmake", "--build", options.build, "-j1", "--target", *programs], check=True)
    for program in programs:
        subprocess.run([options.folder / program], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
