#!/usr/bin/env python3
"""Try what scripts/coverage makes of figures: a planted sinking must be seen, and nothing else.

Usage: self_test.py FOLDER   (for scratch files)"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import figures  # noqa: E402

failures = []


def expect(truth, what):
    print(("ok    " if truth else "WRONG ") + what, flush=True)
    if not truth:
        failures.append(what)


def export_of(files):
    """What llvm-cov exports of {path: (lines, branches)}, each (covered, count)."""
    return json.dumps({"data": [{"files": [{"filename": path, "summary": {
        kind: {"covered": counts[k][0], "count": counts[k][1]} for k, kind in enumerate(figures.KINDS)}}
        for path, counts in files.items()]}]})


def layers_of(files):
    rows = figures.with_sums(figures.read_export(export_of(files), pathlib.Path("/t"), pathlib.Path("/t/build/x")))
    return dict.fromkeys(figures.LAYERS, rows)


ARENA, READER = "../../src/base/arena.cpp", "/t/src/gguf/reader.cpp"
SOUND = {ARENA: ((199, 200), (9, 10)), READER: ((50, 50), (0, 0)), "/usr/include/c++/12/vector": ((1, 9), (0, 4)),
         "/t/tests/arena.cpp": ((1, 9), (0, 4)), "/t/src/base/empty.h": ((0, 0), (0, 0))}


def reading():
    rows = layers_of(SOUND)["together"]
    expect(set(rows) == {"src/base/arena.cpp", "src/gguf/reader.cpp", "src/base/", "src/gguf/", "src/"},
           f"files of src/ alone count, from wherever the compiler ran: {sorted(rows)}")
    expect(rows["src/"] == figures.Count((249, 250), (9, 10)), f"sums are sums: {rows['src/']}")
    expect(rows["src/gguf/"].percent("branches") == 100, "all of no branches are covered")
    for text in ("", "{}", '{"data": [{"files": [{"filename": "/t/src/a.cpp"}]}]}', export_of({"/elsewhere/a.cpp": SOUND[ARENA]})):
        try:
            figures.read_export(text, pathlib.Path("/t"), pathlib.Path("/t"))
            expect(False, f"{text[:40]!r} is trouble")
        except figures.Trouble as trouble:
            expect(True, f"trouble: {str(trouble)[:60]}")
    lines = figures.table(layers_of(SOUND)).splitlines()
    expect(lines[-1].split() == ["src/", *["99.60", "90.00"] * 4] and "src/gguf/reader.cpp" in lines[4] and lines[4].split()[2] == "-",
           "the table has a row a file, sums behind, and no figure where there is no branch")


def floors(scratch):
    sound = layers_of(SOUND)
    recorded = figures.raised(sound, {})
    expect(recorded["src/base/arena.cpp"]["corpora"] == [99.5, 90.0] and set(recorded) == {"src/base/arena.cpp", "src/gguf/reader.cpp", "src/"},
           f"files and the sum of all get floors: {recorded}")
    expect(not figures.sunken(sound, recorded), "what has not sunk is let pass")
    for what, planted in (("a line", {ARENA: ((198, 200), (9, 10))}), ("a branch", {ARENA: ((199, 200), (8, 10))}),
                          ("lines of a file of few", {READER: ((49, 50), (0, 0))})):
        worse = layers_of({**SOUND, **planted})
        faults = figures.sunken(worse, recorded)
        expect(len([f for f in faults if not f.startswith("src/:")]) == 2, f"{what} less is seen in both layers: {faults[:1]}")
        expect(figures.raised(worse, recorded) == recorded, f"{what} less lowers no floor")
    fuzz_alone = {**sound, "corpora": figures.with_sums({"src/gguf/reader.cpp": figures.Count((50, 50), (0, 0))})}
    expect(any("corpora cover 0.00 %" in fault for fault in figures.sunken(fuzz_alone, recorded)), "a file that a layer lost is seen")
    gone = layers_of({READER: SOUND[READER]})
    expect(any("no code" in fault for fault in figures.sunken(gone, recorded)), "a file that is gone is told")
    expect("src/base/arena.cpp" not in figures.raised(gone, recorded), "and loses its floors")
    better = figures.raised(layers_of({**SOUND, ARENA: ((200, 200), (10, 10))}), recorded)
    expect(better["src/base/arena.cpp"]["together"] == [100.0, 100.0], "floors rise")
    promised = (("src/base/arena.cpp", "corpora", 99), ("src/", "together", 99))
    expect(not figures.broken(sound, promised), "a promise that is kept is let pass")
    poor = layers_of({**SOUND, ARENA: ((197, 200), (9, 10))})
    expect(len(figures.broken(poor, promised)) == 2, f"one that is not is seen: {figures.broken(poor, promised)}")
    expect(len(figures.broken(fuzz_alone, promised)) == 1, "each layer for itself")
    expect({name for name, _, _ in figures.PROMISED if not (HERE.parent.parent / name).exists()} == set(), "promises are of what exists")
    path = scratch / "floors.json"
    figures.write_floors(path, "a compiler", ["scalar"], recorded)
    expect(figures.read_floors(path) == {"compiler": "a compiler", "isas": ["scalar"], "floors": recorded}, "floors come back from their file")
    path.write_text(path.read_text().replace("99.5", "101"))
    try:
        figures.read_floors(path)
        expect(False, "a floor above 100 is trouble")
    except figures.Trouble:
        expect(True, "a floor above 100 is trouble")
    committed = figures.read_floors(HERE / "floors.json")["floors"]
    absent = [name for name in committed if not (HERE.parent.parent / name).exists()]
    expect("src/" in committed and not absent, f"the committed floors are of files that exist: {absent}")


def command():
    done = subprocess.run([sys.executable, HERE.parent / "coverage", "--planted"], capture_output=True, text=True, check=False)
    expect(done.returncode == 2 and "usage" in done.stderr, "an unknown argument is exit status 2")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    scratch = pathlib.Path(sys.argv[1])
    scratch.mkdir(parents=True, exist_ok=True)
    reading()
    floors(scratch)
    command()
    print(f"{len(failures)} wrong" if failures else "all as promised")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
