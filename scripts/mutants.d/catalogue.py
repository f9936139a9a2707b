"""The catalogue of mutants: what an entry is, and what is wrong with one."""

import dataclasses
import fnmatch
import hashlib
import pathlib
import tomllib

FIELDS = {"name", "unit", "file", "bug", "from", "to", "after", "equivalent"}
NEEDED = {"name", "unit", "file", "bug", "from", "to"}


class CatalogueError(Exception):
    """One sentence that says which entry is wrong and why."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One planted bug: `old` at `at` in the file becomes `new`."""
    name: str
    units: tuple
    file: str
    bug: str
    old: str
    new: str
    at: int
    after: str
    isa: str  # avx2 or avx512 when it lies in a block for that instruction set, else ""
    equivalent: str  # the proof, or ""

    @property
    def digest(self):
        """Changes when the entry's edit does."""
        return hashlib.sha256("\0".join((self.file, self.after, self.old, self.new)).encode()).hexdigest()[:16]

    @property
    def is_kernel(self):
        return self.file.startswith("src/kernels/")

    def apply(self, text):
        """The file's text with the bug in it."""
        return text[:self.at] + self.new + text[self.at + len(self.old):]


def isa_at(text, at):
    """The instruction set of the block around a place, by the macros that open and close blocks."""
    opened = {isa: text.rfind(f"\nPRUMO_{isa.upper()}_BEGIN", 0, at) for isa in ("avx2", "avx512")}
    isa = max(opened, key=opened.get)
    return isa if opened[isa] > text.rfind("\nPRUMO_ISA_END", 0, at) else ""


def place(entry, text):
    """Where the text to replace stands: the only place, or the first behind `after`, which must be the only one."""
    wanted = "after" if "after" in entry else "from"
    if text.count(entry[wanted]) != 1:
        raise CatalogueError(f"{entry['name']}: `{wanted}` stands {text.count(entry[wanted])} times in {entry['file']}, not once")
    at = text.find(entry["from"], text.index(entry[wanted]))
    if at < 0:
        raise CatalogueError(f"{entry['name']}: `from` does not stand behind `after` in {entry['file']}")
    return at


def read_entry(entry, root):
    name = entry.get("name", "an entry without a name")
    missing, unknown = sorted(NEEDED - entry.keys()), sorted(entry.keys() - FIELDS)
    if missing or unknown:
        raise CatalogueError(f"{name}: " + (f"no {', '.join(missing)}" if missing else f"unknown field {', '.join(unknown)}"))
    for field, value in entry.items():
        if not isinstance(value, str) or (field != "to" and not value.strip()):
            raise CatalogueError(f"{name}: {field} is no text")
    path = pathlib.PurePosixPath(entry["file"])
    if path.parts[:1] != ("src",) or ".." in path.parts or not (root / path).is_file():
        raise CatalogueError(f"{name}: {entry['file']} is no file under src/")
    if entry["from"] == entry["to"]:
        raise CatalogueError(f"{name}: it replaces the text by itself")
    text = (root / path).read_text()
    at = place(entry, text)
    return Mutant(name, tuple(entry["unit"].split()), str(path), entry["bug"].strip(), entry["from"], entry["to"], at,
                  entry.get("after", ""), isa_at(text, at), entry.get("equivalent", "").strip())


def load(path, root):
    """All mutants of the file at `path`, in its order, checked against the tree at `root`."""
    try:
        entries = tomllib.loads(path.read_text()).get("mutant", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from None
    if not entries:
        raise CatalogueError(f"{path} has no [[mutant]]")
    mutants, wrong = [], []
    for entry in entries:
        try:
            mutants.append(read_entry(entry, root))
        except CatalogueError as error:
            wrong.append(str(error))
    seen = set()
    for mutant in mutants:
        if mutant.name in seen:
            wrong.append(f"{mutant.name}: the name is taken")
        seen.add(mutant.name)
    if wrong:
        raise CatalogueError("\n".join(wrong))
    return mutants


def matching(mutants, patterns):
    """Those whose name, unit or file one of the shell patterns matches."""
    return [m for m in mutants
            if any(fnmatch.fnmatchcase(word, pattern) for pattern in patterns for word in (m.name, m.file, *m.units))]
