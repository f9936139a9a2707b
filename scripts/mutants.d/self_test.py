#!/usr/bin/env python3
"""Try scripts/mutants on a toy tree: each verdict and each way to fail must come out as promised.

Usage: self_test.py FOLDER   (where the toy tree is made anew)"""

import json
import pathlib
import shutil
import subprocess
import sys

MUTANTS = pathlib.Path(__file__).resolve().parent.parent / "mutants"

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(toy LANGUAGES CXX)
enable_testing()
add_library(prumo src/base/largest.cpp)
target_include_directories(prumo PUBLIC src)
foreach(layer IN ITEMS tests props fuzz)
  add_subdirectory(${layer})
endforeach()
"""
LAYER = """add_executable({program} largest.cpp)
target_link_libraries({program} PRIVATE prumo)
add_test(NAME {layer}.largest COMMAND {program})
"""
LIBRARY = """int largest(int a, int b) {
  if (a > b) return a;
  return b;
}
int spare() { return 7; }
"""
# The tests layer knows one example, the props layer a law, the fuzz layer nothing.
PROGRAMS = {
    "tests": ("test_largest", "return largest(2, 1) == 2 ? 0 : 1;"),
    "props": ("prop_largest", "for (int a = 0; a < 9; ++a)\n    for (int b = 0; b < 9; ++b)\n"
              "      if (largest(a, b) < a || largest(a, b) < b) return 1;\n  return 0;"),
    "fuzz": ("fuzz_largest", "return largest(1, 1) == 1 ? 0 : 1;"),
}
ENTRY = """[[mutant]]
name = "{name}"
unit = "largest"
file = "src/base/largest.cpp"
bug = "{name}"
from = '{old}'
to = '{new}'
"""
KILLED = ENTRY.format(name="first-lost", old="return a;", new="return b;")
KILLED_BY_LAW = ENTRY.format(name="second-lost", old="return b;", new="return a;")
SURVIVOR = ENTRY.format(name="spare", old="return 7;", new="return 8;")
EQUIVALENT = ENTRY.format(name="tie", old="a > b", new="a >= b") + 'equivalent = "Equal numbers are one number."\n'
WRONG = ENTRY.format(name="wrong", old="return c;", new="return d;")
BROKEN = ENTRY.format(name="broken", old="return a;", new="return nothing;")


class Toy:
    """The tree, and runs over it."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        self.write("CMakeLists.txt", CMAKE)
        self.write("src/base/largest.cpp", LIBRARY)
        for layer, (program, body) in PROGRAMS.items():
            self.write(f"{layer}/CMakeLists.txt", LAYER.format(layer=layer, program=program))
            self.write(f"{layer}/largest.cpp", f"int largest(int, int);\nint main() {{\n  {body}\n}}\n")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, catalogue, *options):
        """(exit status, results, everything said)"""
        self.write("scripts/mutants.d/catalogue.toml", catalogue)
        done = subprocess.run([sys.executable, str(MUTANTS), "--root", str(self.folder), *options], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        report = self.folder / "build/mutants/report.json"
        results = json.loads(report.read_text())["results"] if report.is_file() else {}
        return done.returncode, results, done.stdout


def expect(condition, what, said=""):
    if not condition:
        raise SystemExit(f"self_test: {what}\n{said}")


def main():
    toy = Toy(pathlib.Path(sys.argv[1]).resolve())

    status, results, said = toy.run(WRONG)
    expect(status == 2 and "stands 0 times" in said, "a text that is not there is no trouble", said)
    expect(not (toy.folder / "build").exists(), "a wrong catalogue builds something", said)
    status, results, said = toy.run(KILLED + KILLED)
    expect(status == 2 and "name is taken" in said, "two entries of one name are no trouble", said)

    status, results, said = toy.run(KILLED + KILLED_BY_LAW + EQUIVALENT)
    expect(status == 0, "kills and a proof are no success", said)
    expect(results["first-lost"]["tests"] == "largest: largest (exit 1)", "the example did not kill", said)
    expect(results["second-lost"]["tests"] == "-" and "largest" in results["second-lost"]["props"],
           "the law alone should have killed", said)
    expect(results["second-lost"]["fuzz"] == "-", "the fuzz layer should not have killed", said)
    expect(results["tie"]["verdict"] == "equivalent", "a tie is equivalent", said)
    expect((toy.folder / "src/base/largest.cpp").read_text() == LIBRARY, "the user's tree was changed")

    status, results, said = toy.run(KILLED + KILLED_BY_LAW + EQUIVALENT + SURVIVOR, "--resume")
    expect(status == 1 and results["spare"]["verdict"] == "survived", "a survivor is no failure", said)
    expect("[1/1]" in said and "first-lost" in said, "--resume did not keep what was settled", said)

    status, results, said = toy.run(KILLED.rstrip() + '\nequivalent = "It is not."\n', "--first")
    expect(status == 1 and results["first-lost"]["verdict"] == "killed though equivalent", "a false proof passes", said)
    status, results, said = toy.run(BROKEN, "--first")
    expect(status == 2 and results["broken"]["verdict"] == "error", "what does not compile is no error", said)

    first, again = (toy.run(KILLED + KILLED_BY_LAW + SURVIVOR, "--list", "--sample", "2", "--date", "2026-01-02")[2]
                    for _ in range(2))
    expect(first == again and "seed 2026-01-02" in first and len(first.splitlines()) == 3, "a sample is not repeatable", first)

    toy.write("tests/largest.cpp", "int largest(int, int);\nint main() { return largest(2, 1) == 2 ? 0 : 127; }\n")
    status, results, said = toy.run(KILLED)
    expect(status == 2 and "cannot be started" in said, "a program that does not start kills a mutant", said)
    toy.write("tests/largest.cpp", "int main() { return 1; }\n")
    status, results, said = toy.run(KILLED)
    expect(status == 2 and "fails without a mutant" in said, "a failing tree is no trouble", said)
    print("self_test: every verdict came out")


if __name__ == "__main__":
    main()
