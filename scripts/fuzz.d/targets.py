"""The fuzz targets of a tree and the builds that they run in."""

import dataclasses
import pathlib
import re
import shutil
import subprocess

from options import Trouble, read_target_options

# Name of a build -> (CMake preset, environment). The order is that of a target's turns.
BUILDS = {
    "sanitized": ("fuzz", {}),
    "fast": ("fuzz-fast", {}),
    "scalar": ("fuzz-fast", {"PRUMO_ISA": "scalar"}),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """One file of fuzz/, with the limits of its executions."""
    name: str
    root: pathlib.Path
    limits: dict
    runtimes: dict

    def binary(self, build):
        return self.root / "build" / BUILDS[build][0] / "fuzz" / f"fuzz_{self.name}"

    @property
    def seeds(self):
        return self.root / "fuzz/corpus" / self.name

    @property
    def dictionary(self):
        """Its dictionary, or None."""
        for path in (self.root / f"fuzz/{self.name}.dict", self.root / f"fuzz/dict/{self.name}.dict"):
            if path.is_file():
                return path
        return None


def find(root, names):
    """The targets of a tree, sorted; those in `names` (with commas between) alone, if given."""
    known = sorted(path.stem for path in (root / "fuzz").glob("*.cpp"))
    if not known:
        raise Trouble(f"{root}/fuzz has no target")
    chosen = known
    if names:
        chosen = sorted({name.strip() for name in names.split(",") if name.strip()})
        missing = [name for name in chosen if name not in known]
        if missing or not chosen:
            raise Trouble(f"no target {', '.join(missing) or names!r} in {root}/fuzz; there are {', '.join(known)}")
    return [Target(name, root, *read_target_options(root / f"fuzz/{name}.options")) for name in chosen]


def build(root, targets, jobs, say, log):
    """Builds the targets in every preset; a target that is not there afterwards is Trouble."""
    for tool in ("cmake", "ninja", "clang++"):
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is missing; scripts/setup --clang installs it")
    programs = [f"fuzz_{target.name}" for target in targets]
    for preset in dict.fromkeys(preset for preset, _ in BUILDS.values()):
        say(f"Building {len(programs)} targets, preset {preset}")
        for command in (["cmake", "--preset", preset],
                        ["cmake", "--build", "--preset", preset, "-j", str(jobs), "--target", *programs]):
            done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", check=False)
            log.write_text(done.stdout)
            if done.returncode != 0:
                raise Trouble(f"'{' '.join(command[:4])}' failed; {log} has the rest:\n" + done.stdout[-3000:])
    for name in BUILDS:
        for target in targets:
            if not target.binary(name).is_file():
                raise Trouble(f"the target {target.name} is missing after the build: no {target.binary(name)}")


def instruction_sets():
    """Those of this processor by the kernel's account, weakest first."""
    flags = set()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                flags = set(line.split(":", 1)[1].split())
                break
    except OSError:
        pass
    avx2 = {"avx2", "fma", "f16c"}
    avx512 = avx2 | {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni"}
    return ["scalar"] + ["avx2"] * (avx2 <= flags) + ["avx512"] * (avx512 <= flags)


def provenance(root):
    """What a figure depends on: git revision, compiler, processor."""
    def first_line(command):
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""

    revision = first_line(["git", "rev-parse", "HEAD"])
    if revision and first_line(["git", "status", "--porcelain", "--untracked-files=no"]):
        revision += " with changes"
    model = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return {"revision": revision or "not a git tree", "compiler": first_line(["clang++", "--version"]),
            "processor": model.group(1) if model else "unknown", "isas": instruction_sets()}
