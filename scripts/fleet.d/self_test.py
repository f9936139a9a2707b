#!/usr/bin/env python3
"""Try .clusterfuzzlite/build.sh and scripts/fleet on the toy tree of scripts/fuzz.d, and break each part of the contract once.

Usage: self_test.py FOLDER   (where the toy tree is made anew)
Exit status 77, with a sentence, where there is no clang to build it with. Where AFL++ is installed, the toy is built and
run by it too; with PRUMO_REQUIRE_AFL=1 it has to be."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "fuzz.d")]

import contract  # noqa: E402

failures = []


def expect(truth, what):
    print(("ok    " if truth else "WRONG ") + what, flush=True)
    if not truth:
        failures.append(what)


def fleet(root, *arguments):
    done = subprocess.run([sys.executable, HERE.parent / "fleet", "--root", root, *arguments], capture_output=True, text=True,
                          timeout=500, check=False)
    return done.returncode, done.stdout + done.stderr


def configured():
    """The targets that the options of build.sh make of this tree."""
    options = re.findall(r"-DPRUMO_[A-Z]+=OFF", (TREE / ".clusterfuzzlite/build.sh").read_text())
    with tempfile.TemporaryDirectory() as build:
        subprocess.run(["cmake", "-S", TREE, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_COMPILER=clang++",
                        "-DPRUMO_FUZZ_ENGINE=-fsanitize=fuzzer", *options], stdout=subprocess.DEVNULL, check=True)
        listed = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^fuzz/(fuzz_\w+): CXX_EXECUTABLE_LINKER", listed, re.MULTILINE))


def this_tree():
    """What the contract asks of the tree itself, before anything is built."""
    names = contract.expected(TREE)
    expect(names and all(contract.NAME.fullmatch(name) for name in names), f"{len(names)} targets, whose names every engine takes")
    bare = [name for name in names if not contract.contents(TREE / "fuzz/corpus" / name.removeprefix("fuzz_"))]
    expect(not bare, f"each has seeds: {bare}")
    made = configured()
    expect(made == set(names), f"CMake makes the targets of fuzz/ and no other: {sorted(made ^ set(names))}")
    lost = [path.name for folder in ("fuzz", "fuzz/dict") for path in (TREE / folder).glob("*.*")
            if path.suffix in (".dict", ".options") and f"fuzz_{path.stem}" not in names]
    expect(not lost, f"every dictionary and file of options belongs to a target: {lost}")
    bad = [f"{path.name}:{number}" for path in (TREE / "fuzz").rglob("*.dict")
           for number, line in enumerate(path.read_text().splitlines(), 1) if not contract.DICTIONARY.fullmatch(line)]
    expect(not bad, f"every line of a dictionary is an entry: {bad}")
    modes = {mode for path in (TREE / ".github/workflows").glob("cflite_*.yml")
             for mode in re.findall(r"^ +mode: (\S+)$", path.read_text(), re.MULTILINE)}
    expect(modes == {"batch", "code-change", "prune", "coverage"}, f"the workflows have all modes: {sorted(modes)}")


def broken(root, out, what, words, change):
    """The contract sees one planted fault, and nothing else."""
    copy = out.with_name("broken")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(out, copy)
    change(copy)
    wrong = contract.faults(root, copy)
    expect(len(wrong) == 1 and words in wrong[0], f"{what} is seen: {wrong}")


def planted_faults(root, out):
    def write(name, data, mode=0o644):
        def change(copy):
            (copy / name).write_bytes(data)
            (copy / name).chmod(mode)
        return change

    def zip_of(folder):
        with zipfile.ZipFile(folder / "fuzz_clean_seed_corpus.zip", "w") as archive:
            archive.writestr("word", b"other")

    expect(contract.faults(root, out) == [], f"what build.sh leaves is as it should be: {contract.faults(root, out)}")
    broken(root, out, "a target that was not built", "fuzz_clean is in fuzz/ and was not built", lambda copy: (copy / "fuzz_clean").unlink())
    broken(root, out, "a target of no source", "fuzz_other was built and is not in fuzz/",
           lambda copy: shutil.copy(copy / "fuzz_clean", copy / "fuzz_other"))
    broken(root, out, "a corpus that is missing", "fuzz_clean has no seed corpus", lambda copy: (copy / "fuzz_clean_seed_corpus.zip").unlink())
    broken(root, out, "another corpus", "are not the 1 of fuzz/corpus", zip_of)
    broken(root, out, "a broken zip", "no zip", write("fuzz_clean_seed_corpus.zip", b"PK"))
    broken(root, out, "options without a length", "no options with a max_len", write("fuzz_clean.options", b"[libfuzzer]\ntimeout = 5\n"))
    broken(root, out, "other options", "is not what fuzz/bomb.options has", write("fuzz_bomb.options", b"[libfuzzer]\nmax_len = 16384\n"))
    broken(root, out, "a dictionary of no target", "belongs to no target", write("fuzz_gone.dict", b'"a"\n'))
    broken(root, out, "a dictionary that is missing", "has not the dictionary", lambda copy: (copy / "fuzz_clean.dict").unlink())


def toy(root, engine):
    status, words = fleet(root, "--engine", engine, "--seconds", "1", "--targets", "clean")
    expect(status == 0 and f"{engine} fuzz_clean: 1 seeds" in words, f"{engine}: a target that is well gives exit status 0 {words[-1500:]}")
    return status == 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for tool in ("clang++", "cmake", "ninja", "zip", "readelf"):
        if shutil.which(tool) is None:
            print(f"skipped: {tool} is missing, which builds the toy targets")
            return 77
    this_tree()
    root = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(HERE.parent / "fuzz.d/toy", root)
    shutil.copytree(TREE / ".clusterfuzzlite", root / ".clusterfuzzlite")
    (root / "fuzz/clean.dict").write_text('# words\n"inside"\nraw="\\x00\\\\"\n')
    for name in ("hang", "leak"):  # no part of this test
        (root / f"fuzz/{name}.cpp").unlink()
    if toy(root, "libfuzzer"):
        planted_faults(root, root / "build/fleet/libfuzzer-address/moved")
        (root / "fuzz/corpus/crash/planted").write_bytes(b"ab")
        status, words = fleet(root, "--engine", "libfuzzer", "--seconds", "1", "--targets", "crash")
        expect(status == 1 and "heap-buffer-overflow" in words, f"a target that fails on a seed gives exit status 1 (it was {status})")
    status, words = fleet(root, "--engine", "libfuzzer", "--targets", "absent", "--sanitizer", "none")
    expect(status == 2 and "absent" in words, f"a target that is missing gives exit status 2 (it was {status})")
    if shutil.which("afl-clang-fast++") and shutil.which("afl-fuzz"):
        toy(root, "afl")
    elif os.environ.get("PRUMO_REQUIRE_AFL") == "1":
        expect(False, "AFL++ is asked for by PRUMO_REQUIRE_AFL and is not here")
    else:
        print("skipped: AFL++ is missing, for which the toy targets are built too; scripts/setup --fleet installs it")
    print(f"{len(failures)} wrong" if failures else "all as promised")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
