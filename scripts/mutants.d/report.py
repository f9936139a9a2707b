"""The table of a run, for eyes and for documents."""

from tree import LAYERS

GOOD = ("killed", "equivalent")


def cell(result, column):
    text = result.get(column)
    return "" if text is None else text


def line(name, result, verify):
    """One mutant, as it is said while the run goes on."""
    parts = [f"{column} {cell(result, column) or '.'}" for column in (*LAYERS, *(("verify",) if verify else ()))
             if column in result]
    return f"{result['verdict'].upper() if result['verdict'] not in GOOD else result['verdict']:10} {name}" + (
        "  [" + " | ".join(parts) + "]" if parts else "") + (f"  {result['why']}" if "why" in result else "")


def totals(results):
    """How many of each verdict, and how many each layer killed by itself."""
    count = {}
    for result in results.values():
        count[result["verdict"]] = count.get(result["verdict"], 0) + 1
    killed = {layer: sum(result.get(layer, "-") != "-" for result in results.values()) for layer in LAYERS}
    return (f"{len(results)} mutants: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(count.items())) + "; by layer: "
            + ", ".join(f"{layer} {n}" for layer, n in killed.items()))


def by_file(results, verify):
    """A row a file: how many mutants, what became of them, how many each layer killed."""
    columns = ["file", "mutants", "killed", "equivalent", *LAYERS, *(["verify"] if verify else [])]
    rows = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    files = sorted({result["file"] for result in results.values()})
    for file in [*files, "all"]:
        own = [r for r in results.values() if file in (r["file"], "all")]
        counts = [len(own), *(sum(r["verdict"] == v for r in own) for v in GOOD),
                  *(sum(r.get(layer, "-") != "-" for r in own) for layer in LAYERS)]
        if verify:
            counts.append(sum(r.get("verify", "-") != "-" for r in own))
        rows.append(f"| {file} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(rows) + "\n"


def markdown(results, verify):
    """The table mutant x layer. A layer shows the program that killed, and the test."""
    columns = ["mutant", "the bug", *LAYERS, *(["verify"] if verify else [])]
    rows = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for name, result in results.items():
        cells = [f"`{name}`", result["bug"].replace("\n", " "), *(cell(result, layer) for layer in LAYERS)]
        if verify:
            found = result.get("verify")
            cells.append("" if found is None else "-" if found == "-" else "found")
        rows.append("| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |")
    rows += ["", totals(results) + "."]
    proofs = [f"- `{name}` is equivalent: {result['proof']}" for name, result in results.items() if "proof" in result]
    return "\n".join(rows + ([""] + proofs if proofs else [])) + "\n\n" + by_file(results, verify)
