"""The figures of scripts/coverage: read from llvm-cov, summed, compared with the floors, printed."""

import dataclasses
import json
import math
import pathlib

LAYERS = ("tests", "props", "corpora", "together")
FLOORED = ("corpora", "together")  # the layers that have a floor
KINDS = ("lines", "branches")
# Percent of lines that are promised, whatever the compiler and the machine: (row, layer, least).
PROMISED = (("src/", "corpora", 85), ("src/", "together", 95), *((row, "corpora", 95) for row in (
    "src/gguf/", "src/tokenizer/", "src/generate/sampler.cpp", "src/base/arena.cpp", "src/kernels/argmax.cpp")))


class Trouble(Exception):
    """The run itself went wrong: one sentence."""


@dataclasses.dataclass(frozen=True)
class Count:
    """Covered of all: lines and branches."""
    lines: tuple
    branches: tuple

    def __add__(self, other):
        return Count(*(tuple(a + b for a, b in zip(getattr(self, kind), getattr(other, kind))) for kind in KINDS))

    def percent(self, kind):
        """100 of nothing is 100."""
        covered, count = getattr(self, kind)
        return 100.0 * covered / count if count else 100.0


NOTHING = Count((0, 0), (0, 0))


def read_export(text, root, folder):
    """{"src/...": Count} of what `llvm-cov export -summary-only` says. `folder` is where the compiler ran: paths are from
    there. Files that are not below root/src are left out, and so are those without a line of code."""
    try:
        files = json.loads(text)["data"][0]["files"]
        counts = {}
        for file in files:
            path = pathlib.Path(folder, file["filename"]).resolve()
            if not path.is_relative_to(root / "src"):
                continue
            summary = file["summary"]
            count = Count(*((summary[kind]["covered"], summary[kind]["count"]) for kind in KINDS))
            if count.lines[1]:
                counts[str(path.relative_to(root))] = count
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Trouble(f"what llvm-cov exports cannot be read: {error!r}") from error
    if not counts:
        raise Trouble("llvm-cov knows no file of src/: was the tree moved after it was built?")
    return counts


def with_sums(counts):
    """The same with a row for each folder, and one for all of src/."""
    rows = dict(counts)
    for name, count in counts.items():
        for folder in {name.rsplit("/", 1)[0] + "/", "src/"}:
            rows[folder] = rows.get(folder, NOTHING) + count
    return rows


def order(name):
    """Sorting key: a folder's files, then its sum; src/ last."""
    folder = name.rsplit("/", 1)[0]
    return (name == "src/", folder, name.endswith("/"), name)


def count_of(layers, layer, name):
    """The Count of a row; nothing of it where a layer does not know the file."""
    whole = layers["together"].get(name, NOTHING)
    return layers[layer].get(name, Count((0, whole.lines[1]), (0, whole.branches[1])))


def table(layers):
    """The text of {layer: {row: Count}}."""
    names = sorted({name for rows in layers.values() for name in rows}, key=order)
    width = max(map(len, names))
    lines = [" " * width + "".join(f"  {layer:^16}" for layer in LAYERS),
             f"{'percent of lines, of branches':<{width}}" + "".join(f"  {'lines':>7} {'branch':>8}" for _ in LAYERS)]
    for name in names:
        row = f"{name:<{width}}"
        for layer in LAYERS:
            count = count_of(layers, layer, name)
            branches = f"{count.percent('branches'):8.2f}" if count.branches[1] else f"{'-':>8}"
            row += f"  {count.percent('lines'):7.2f} {branches}"
        lines.append(row)
    return "\n".join(lines)


def floor_of(count):
    """Percentages as the file of floors has them: rounded down to a tenth."""
    return [math.floor(round(count.percent(kind) * 10, 6)) / 10 for kind in KINDS]


def floored(layers):
    """Names of the rows that have floors: files, and the sum of all."""
    return sorted({name for name in layers["together"] if not name.endswith("/") or name == "src/"}, key=order)


def sunken(layers, floors):
    """A sentence for each figure that lies below its floor, and for each floor whose file is gone."""
    faults = []
    for name, by_layer in floors.items():
        if name not in layers["together"]:
            faults.append(f"{name} has floors and no code: --record takes them away")
            continue
        for layer, least in by_layer.items():
            count = count_of(layers, layer, name)
            for kind, floor, now in zip(KINDS, least, floor_of(count)):
                if now < floor:
                    covered, total = getattr(count, kind)
                    faults.append(f"{name}: {layer} cover {count.percent(kind):.2f} % of its {kind} ({covered} of {total}), and the "
                                  f"floor is {floor:.1f} %")
    return faults


def broken(layers, promised=PROMISED):
    """A sentence for each promise that is not kept."""
    return [f"{name}: {layer} cover {count.percent('lines'):.2f} % of its lines, and {least} % are promised"
            for name, layer, least in promised if (count := count_of(layers, layer, name)).percent("lines") < least]


def raised(layers, floors):
    """The floors, raised to what is reached: no floor sinks, new files get one, files that are gone lose theirs."""
    out = {}
    for name in floored(layers):
        out[name] = {}
        for layer in FLOORED:
            now, old = floor_of(count_of(layers, layer, name)), floors.get(name, {}).get(layer, [0.0, 0.0])
            out[name][layer] = [max(pair) for pair in zip(now, old)]
    return out


def read_floors(path):
    """{"compiler", "isas", "floors"} of a file; no floors when there is none."""
    if not path.is_file():
        return {"compiler": "", "isas": [], "floors": {}}
    try:
        recorded = json.loads(path.read_text())
        for by_layer in recorded["floors"].values():
            for layer, (lines, branches) in by_layer.items():
                if layer not in FLOORED or not (0 <= lines <= 100 and 0 <= branches <= 100):
                    raise ValueError(f"a floor of {layer} of {lines} and {branches}")
        return {key: recorded[key] for key in ("compiler", "isas", "floors")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Trouble(f"{path} cannot be read: {error!r}") from error


def write_floors(path, compiler, isas, floors):
    """One line a file, so that a change of one is a change of one line."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(by_layer)}" for name, by_layer in floors.items())
    path.write_text(f'{{\n "compiler": {json.dumps(compiler)},\n "isas": {json.dumps(isas)},\n "floors": {{\n{rows}\n }}\n}}\n')
