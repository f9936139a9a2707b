"""What OSS-Fuzz and ClusterFuzzLite expect of a folder $OUT, and whether one is like that."""

import pathlib
import re
import subprocess
import zipfile

from options import Trouble, read_target_options

NAME = re.compile(r"[A-Za-z0-9_-]+")
ENTRY = b"LLVMFuzzerTestOneInput"
# Nothing else is there where the targets run.
SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|c\+\+|c\+\+abi|unwind)|ld-linux-x86-64)\.so(\.\d+)?")
DICTIONARY = re.compile(r'\s*(#.*|(\w+(@\d+)?\s*=\s*)?"(?:[^"\\]|\\["\\]|\\x[0-9a-fA-F]{2})+"\s*)?')


def expected(root):
    """The names of the targets of a tree, as programs."""
    return sorted(f"fuzz_{path.stem}" for path in (root / "fuzz").glob("*.cpp"))


def programs(out):
    """What the engines take for targets: executable ELF files that have the entry."""
    found = []
    for path in sorted(out.iterdir()):
        if path.is_file() and path.stat().st_mode & 0o111 and not path.name.startswith(("afl-", "llvm-")):
            data = path.read_bytes()
            if data.startswith(b"\x7fELF") and ENTRY in data:
                found.append(path.name)
    return found


def contents(folder):
    """Sorted contents of all files below a folder."""
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def seed_faults(root, out, target):
    """The zip has what fuzz/corpus has."""
    path = out / f"{target}_seed_corpus.zip"
    if not path.is_file():
        return [f"{target} has no seed corpus"]
    try:
        with zipfile.ZipFile(path) as seeds:
            held = sorted(seeds.read(name) for name in seeds.namelist() if not name.endswith("/"))
    except zipfile.BadZipFile as error:
        return [f"{path.name} is no zip: {error}"]
    committed = contents(root / "fuzz/corpus" / target.removeprefix("fuzz_"))
    if not held or held != committed:
        return [f"{path.name} has {len(held)} seeds, which are not the {len(committed)} of fuzz/corpus"]
    return []


def option_faults(root, out, target):
    """The options are those of the tree, and a length is always among them: engines' own limits differ."""
    path, name = out / f"{target}.options", target.removeprefix("fuzz_")
    if not path.is_file() or "max_len" not in path.read_text():
        return [f"{target} has no options with a max_len"]
    try:
        if read_target_options(path) != read_target_options(root / f"fuzz/{name}.options"):
            return [f"{path.name} is not what fuzz/{name}.options has, or what is usual"]
    except Trouble as error:
        return [str(error)]
    return []


def dictionary_faults(root, out, target):
    """A dictionary of the tree is there, and every engine can read it."""
    name, path = target.removeprefix("fuzz_"), out / f"{target}.dict"
    own = next((p for p in (root / f"fuzz/{name}.dict", root / f"fuzz/dict/{name}.dict") if p.is_file()), None)
    if own is None:
        return []
    if not path.is_file() or path.read_bytes() != own.read_bytes():
        return [f"{target} has not the dictionary {own.name}"]
    return [f"{path.name}:{number}: no entry of a dictionary: {line}" for number, line in enumerate(path.read_text().splitlines(), 1)
            if not DICTIONARY.fullmatch(line)]


def library_faults(out, target):
    """It needs no shared library but the system's."""
    done = subprocess.run(["readelf", "-d", out / target], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return [f"readelf cannot read {target}"]
    needed = re.findall(r"\(NEEDED\).*\[(.+?)\]", done.stdout)
    return [f"{target} needs {name}, which is not there where it runs" for name in needed if not SYSTEM.fullmatch(name)]


def faults(root, out):
    """Sentences on what is wrong with a built folder."""
    if not out.is_dir():
        return [f"no folder {out}"]
    wanted, built = expected(root), programs(out)
    wrong = [f"{name} is in fuzz/ and was not built" for name in wanted if name not in built]
    wrong += [f"{name} was built and is not in fuzz/" for name in built if name not in wanted]
    wrong += [f"the name {name} has characters that engines refuse" for name in built if not NAME.fullmatch(name)]
    for path in sorted(out.iterdir()):
        owner = re.sub(r"(_seed_corpus\.zip|\.dict|\.options)$", "", path.name)
        if owner != path.name and owner not in wanted:
            wrong.append(f"{path.name} belongs to no target")
    for target in built:
        if target in wanted:
            for judge in (seed_faults, option_faults, dictionary_faults):
                wrong += judge(root, out, target)
        wrong += library_faults(out, target)
    return wrong
