"""The morning's report: index.html, which needs nothing beside it, and summary.json."""

import html
import json
import pathlib
import shutil

from plot import plot, short, span
from state import write_atomically

HERE = pathlib.Path(__file__).resolve().parent
MOST_HEX = 1024  # bytes of an input that the page shows
MOST_TEST = 64 << 10  # characters of a test that the page shows
BUILDS = ("sanitized", "fast", "scalar")


def troubles(data):
    """What went wrong with the run, and what broke this sitting off, if anything did."""
    return data["trouble"] + [fault for fault in (data.get("fault"),) if fault]


def verdict(data, waiting=0):
    """(exit status, one sentence). A run that was ended early says so, and is trouble where a target never ran."""
    findings = data["findings"]
    also = f", and it has {plural(len(findings), 'finding')}." if findings else "."
    if troubles(data):
        return 2, "Trouble: the run itself went wrong" + also
    if data["phase"] != "done":
        idle = [name for name in idle_targets(data) if name not in {finding["target"] for finding in findings}]
        if idle:
            return 2, f"Trouble: the run was ended before {plural(len(idle), 'target')} executed anything" + also
        if not findings and not waiting:
            return 0, "Unfinished; nothing found so far."
    if findings or waiting:
        more = f", and {plural(waiting, 'failing input')} not judged yet" if waiting else ""
        return 1, plural(len(findings), "finding") + more + ("." if data["phase"] == "done" else "; unfinished.")
    return 0, "Nothing found."


def uncompared(data):
    """Why coverage was not compared with what is recorded, wholly or for some targets; None where all was."""
    return data.get("uncompared") if data["phase"] == "done" else "compared with nothing: the run is unfinished"


def idle_targets(data):
    return [name for name, target in data["targets"].items() if target["executions"] == 0]


def plural(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def closing(data, waiting, page):
    """The last lines of a run."""
    targets = data["targets"].values()
    executions, units = sum(t["executions"] for t in targets), sum(t["new_units"] for t in targets)
    unfinished = "" if data["phase"] == "done" else " --resume goes on."
    return (f"{verdict(data, waiting)[1]}{unfinished} {plural(len(targets), 'target')}, {executions} executions, "
            f"{plural(units, 'new unit')} in {span(data['elapsed'])}, seed {data['seed']}.\n{page}")


def summary(data, status, waiting):
    """What a program wants to know; plots are the page's alone."""
    targets = {}
    for name, t in data["targets"].items():
        builds = {build: {**b, "executions_per_second": rate(b)} for build, b in t["builds"].items()}
        files, size = t["corpus"][-1][1:] if t["corpus"] else (0, 0)
        targets[name] = {"slices": t["slices"], "seconds": round(t["seconds"], 1), "executions": t["executions"],
                         "executions_per_second": rate(t), "new_units": t["new_units"], "last_new_unit_s": t["last_new"],
                         "edges": reached(t, "edges"), "features": reached(t, "features"), "corpus_files": files,
                         "corpus_bytes": size, "builds": builds, "merged": t["merged"],
                         "findings": [f["name"] for f in data["findings"] if f["target"] == name]}
    return {"status": status, "verdict": verdict(data, waiting)[1], "finished": data["phase"] == "done",
            "executed_nothing": idle_targets(data), "coverage_not_compared": uncompared(data),
            "begun": data["begun"], "hours": data["hours"], "jobs": data["jobs"], "elapsed_s": round(data["elapsed"], 1),
            "sittings": data["sittings"], "slices": data["slices"], "seed": data["seed"], **data["provenance"],
            "trouble": troubles(data), "waiting": waiting, "findings": data["findings"], "targets": targets}


def rate(part):
    return round(part["executions"] / part["seconds"], 1) if part["seconds"] else 0.0


def reached(target, what):
    """Of the sanitized build, whose counts are the ones to compare; of another where that never ran."""
    for build in BUILDS:
        if build in target["builds"]:
            return target["builds"][build][what]
    return 0


def hex_dump(data):
    """Sixteen bytes a line, as hexdump -C has them."""
    lines = []
    for at in range(0, min(len(data), MOST_HEX), 16):
        row = data[at:at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        lines.append(f"{at:06x}  {' '.join(f'{b:02x}' for b in row):<47}  {text}")
    if len(data) > MOST_HEX:
        lines.append(f"... {len(data) - MOST_HEX} more bytes")
    return "\n".join(lines) or "(no bytes)"


def text(value):
    return html.escape(str(value))


def finding_section(finding, folder):
    """One finding: what it is, the input, the stack, the test."""
    data = (folder / "input").read_bytes()
    test = (folder / "test.cpp").read_text()
    shown = test if len(test) <= MOST_TEST else f"// {len(test)} characters: see findings/{finding['name']}/test.cpp"
    spared = [isa for isa in finding["isas_tried"] if isa not in finding["isas"]]
    isas = ("fails with PRUMO_ISA=" + ", ".join(finding["isas"]) if finding["isas"] else "fails with no PRUMO_ISA") + \
        (", not with " + ", ".join(spared) if spared and finding["isas"] else "")
    shrunk = f"{finding['bytes']} bytes" + (f", from {finding['original_bytes']}"
                                            if finding["original_bytes"] != finding["bytes"] else "")
    facts = [f"found by the {finding['build']} build {span(finding['at'])} into the run, slice seed {finding['seed']}", isas,
             f"{finding['failures']} of {finding['reruns']} reruns failed", f"seen {plural(finding['times'], 'time')}", shrunk]
    flaky = ' <span class="tag">flaky</span>' if finding["flaky"] else ""
    log = "\n".join((folder / "log.txt").read_text().splitlines()[:80])
    return f"""<article class="finding" id="{text(finding['name'])}">
<h3><span class="tag bad">{text(finding['kind'])}</span>{flaky} {text(finding['target'])} <small>{text(finding['key'])}</small></h3>
<p class="message">{text(finding['message'])}</p>
<p class="facts">{text('; '.join(facts))}.</p>
<h4>Stack</h4><pre>{text(chr(10).join(finding['frames']) or 'none')}</pre>
<h4>Minimal input</h4><pre>{text(hex_dump(data))}</pre>
<details><summary>A test for tests/</summary><pre>{text(shown)}</pre></details>
<details><summary>What it printed</summary><pre>{text(log)}</pre></details>
</article>"""


def target_row(name, t, findings, end):
    """One target: its figures, its plots."""
    found = [f for f in findings if f["target"] == name]
    tag = "".join(f' <a class="tag bad" href="#{text(f["name"])}">{text(f["kind"])}</a>' for f in found)
    files, size = t["corpus"][-1][1:] if t["corpus"] else (0, 0)
    merged = t["merged"]
    kept = f", {merged['after'][0]} after minimising" if merged and merged["ok"] else ""
    last = f"last at {span(t['last_new'])}" if t["last_new"] is not None else "none"
    builds = "".join(f'<tr><th class="{b}">{b}</th><td>{short(t["builds"][b]["executions"])}</td><td>{short(rate(t["builds"][b]))}/s</td>'
                     f'<td>{short(t["builds"][b]["edges"])}</td><td>{short(t["builds"][b]["features"])}</td>'
                     f'<td>{span(t["builds"][b]["seconds"])}</td></tr>' for b in BUILDS if b in t["builds"])

    def series(index):
        return [(build, [(p[0], p[index]) for p in t["series"].get(build, [])]) for build in BUILDS]

    plots = plot("Coverage (edges)", series(1), end) + plot("Features", series(2), end) + \
        plot("Corpus (inputs)", [("corpus", [(p[0], p[1]) for p in t["corpus"]])], end)
    return f"""<article class="target" data-target="{text(name)}">
<div class="figures"><h3>{text(name)}{tag}</h3>
<dl><div><dt>executions</dt><dd>{short(t['executions'])}</dd></div><div><dt>a second</dt><dd>{short(rate(t))}</dd></div>
<div><dt>new units</dt><dd>{t['new_units']}</dd></div><div><dt>corpus</dt><dd>{files}</dd></div></dl>
<p class="facts">New units: {last}. Corpus {short(size)}B{kept}. {plural(t['slices'], 'slice')}, {span(t['seconds'])}.</p>
<table><thead><tr><th>build</th><th>runs</th><th>rate</th><th>edges</th><th>features</th><th>time</th></tr></thead><tbody>{builds}</tbody></table></div>
<div class="plots">{plots}</div></article>"""


def page(data, work, status, waiting):
    """The whole of index.html."""
    targets, findings = data["targets"], data["findings"]
    end = max([data["elapsed"], 1.0])
    executions, units = sum(t["executions"] for t in targets.values()), sum(t["new_units"] for t in targets.values())
    provenance = data["provenance"]
    facts = [("seed", data["seed"]), ("revision", provenance["revision"]), ("compiler", provenance["compiler"]),
             ("processor", provenance["processor"]), ("instruction sets", ", ".join(provenance["isas"])),
             ("begun", data["begun"]), ("run", f"{span(data['elapsed'])} of {data['hours']:g} h, {plural(data['jobs'], 'job')}, "
              f"{plural(data['slices'], 'slice')}, {plural(data['sittings'], 'sitting')}"
              + ("" if data["phase"] == "done" else "; not finished")),
             ("coverage", uncompared(data) or "compared with fuzz/coverage.json")]
    trouble = "".join(f"<li>{text(line)}</li>" for line in troubles(data))
    kind = ("good" if data["phase"] == "done" else "open", "bad", "bad")[status]
    parts = ["<h2>Trouble</h2><ul class='trouble'>" + trouble + "</ul>"] if trouble else []
    if findings:
        parts.append("<h2>Findings</h2>" + "".join(finding_section(f, work / "findings" / f["name"]) for f in findings))
    rows = "".join(target_row(name, t, findings, end) for name, t in targets.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Prumo fuzzing: {text(verdict(data, waiting)[1])}</title>
<link rel="icon" href="data:,"><style>{(HERE / 'report.css').read_text()}</style></head><body><main>
<header><p class="name">Prumo, fuzzed</p><h1 class="{kind}">{text(verdict(data, waiting)[1])}</h1>
<dl class="totals"><div><dt>executions</dt><dd>{short(executions)}</dd></div><div><dt>targets</dt><dd>{len(targets)}</dd></div>
<div><dt>new units</dt><dd>{units}</dd></div><div><dt>findings</dt><dd>{len(findings)}</dd></div></dl></header>
{''.join(parts)}
<h2>Targets</h2><p class="legend"><span class="sanitized">sanitized</span> <span class="fast">fast</span>
<span class="scalar">scalar</span> over the time of the run</p>
{rows}
<h2>This run</h2><dl class="run">{''.join(f'<dt>{text(k)}</dt><dd>{text(v)}</dd>' for k, v in facts)}</dl>
<p class="facts">Each slice with its seed is a line of build/fuzz-run/slices.jsonl. PRUMO_ISA forces
what the library chooses; a law that tries every instruction set itself fails with each, and its message names the guilty one. Edges and features are counted within one build, so
its line compares with itself alone.</p></main></body></html>
"""


def write(out, data, work, status, waiting):
    """Writes the report with the findings' files beside it; the path of the page."""
    out.mkdir(parents=True, exist_ok=True)
    for finding in data["findings"]:
        shutil.copytree(work / "findings" / finding["name"], out / "findings" / finding["name"], dirs_exist_ok=True)
    write_atomically(out / "summary.json", json.dumps(summary(data, status, waiting), indent=1) + "\n")
    write_atomically(out / "index.html", page(data, work, status, waiting))
    return out / "index.html"
