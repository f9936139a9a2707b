#!/usr/bin/env python3
"""Open the report in a headless Chromium: no error on its console, a row for every target, nothing wider than a phone.

Usage: page_test.py FOLDER [STATE.json]   (where the page is made; STATE.json is a run's, instead of one made up here)
Exit status 77, with a sentence, where there is no Chromium (scripts/setup --browser installs it); 1 with PRUMO_REQUIRE_BROWSER
in the environment."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import report  # noqa: E402
from state import new_target  # noqa: E402
from triage import ready_test  # noqa: E402

TARGETS = ("argmax", "gguf_reader", "a_target_of_a_rather_long_name", "never_ran")
HOSTILE = "</script><script>console.error('planted')</script> & \"quoted\""
# Appended to a copy of the page: what a browser made of it, to be read in the dumped document.
PROBE = """<script>window.addEventListener('load', () => {
  const wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('pre') &&
    e.getBoundingClientRect().right > document.documentElement.getBoundingClientRect().right + 1).length;
  const rows = [...document.querySelectorAll('[data-target]')].filter(e => e.getBoundingClientRect().height > 40);
  document.body.setAttribute('data-seen', JSON.stringify({wide, width: document.documentElement.getBoundingClientRect().width,
    rows: rows.map(e => e.dataset.target), plots: document.querySelectorAll('svg path').length,
    outside: performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).map(e => e.name)}));
});</script>"""


def made_up(work):
    """The state of a run, with a finding whose text would break a page that does not escape it."""
    targets = {name: new_target() for name in TARGETS}
    for number, name in enumerate(TARGETS[:-1]):
        t = targets[name]
        t.update(slices=3, seconds=900.0, executions=10**(number + 4), new_units=7, last_new=1800.0)
        for build in report.BUILDS:
            t["builds"][build] = {"slices": 1, "seconds": 300.0, "executions": 10**(number + 4), "edges": 500, "features": 900}
            t["series"][build] = [[10.0 * n, 400 + n, 700 + 2 * n] for n in range(100)]
        t["corpus"] = [[10.0 * n, 40 + n, 4000 + 90 * n] for n in range(100)]
        t["merged"] = {"ok": True, "before": [140, 12910], "after": [61, 5000], "edges": 500, "features": 900}
    finding = {"name": "argmax-crash-0123abcd", "key": "0123abcd", "target": "argmax", "kind": "crash", "message": HOSTILE,
               "frames": ["prumo::avx2::argmax argmax.cpp", "LLVMFuzzerTestOneInput argmax.cpp"], "build": "scalar",
               "failures": 2, "reruns": 3, "flaky": True, "isas": ["avx2"], "isas_tried": ["scalar", "avx2"], "at": 1234.5,
               "seed": 99, "times": 3, "bytes": 300, "original_bytes": 4096, "fails_by_default": True}
    folder = work / "findings" / finding["name"]
    folder.mkdir(parents=True)
    data = bytes(n % 256 for n in range(300))
    (folder / "input").write_bytes(data)
    (folder / "log.txt").write_text(HOSTILE + "\n" + "a very long line " * 40 + "\n")
    (folder / "test.cpp").write_text(ready_test(finding, data))
    return {"begun": "2026-01-02T03:04:05+0000", "hours": 8.0, "jobs": 2, "seed": 17, "elapsed": 3600.0, "slices": 9,
            "phase": "done", "sittings": 1, "trouble": ["never_ran executed nothing"],
            "uncompared": "compared with nothing: fuzz/coverage.json was recorded with " + "a_compiler_of_a_long_name" * 12, "findings": [finding],
            "targets": targets, "provenance": {"revision": "0123456789abcdef" * 2, "compiler": "clang version 14.0.6",
                                               "processor": "a processor", "isas": ["scalar", "avx2"]}}


def open_in(browser, page, width, out):
    """(what the page's probe saw, the browser's own words)."""
    profile = out / "profile"
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
                           f"--user-data-dir={profile}", f"--window-size={width},2000", "--hide-scrollbars",
                           f"--screenshot={out / f'page-{width}.png'}", page.as_uri()], capture_output=True, text=True,
                          timeout=60, check=False)
    dumped = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
                             f"--user-data-dir={profile}", f"--window-size={width},2000", "--dump-dom", page.as_uri()],
                            capture_output=True, text=True, timeout=60, check=False)
    seen = re.search(r"data-seen='([^']*)'|data-seen=\"([^\"]*)\"", dumped.stdout)
    if done.returncode or not seen:
        raise RuntimeError(f"{browser} showed no page: {(done.stderr + dumped.stderr)[-2000:]}")
    return json.loads((seen[1] or seen[2]).replace("&quot;", '"')), done.stderr + dumped.stderr


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        required = os.environ.get("PRUMO_REQUIRE_BROWSER")
        print(f"{'PRUMO_REQUIRE_BROWSER, but' if required else 'skipped:'} no Chromium to open the report with; "
              "scripts/setup --browser installs it")
        return 1 if required else 77
    out = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(out, ignore_errors=True)
    work = out / "work"
    if len(sys.argv) == 3:
        path = pathlib.Path(sys.argv[2])
        data, work = json.loads(path.read_text()), path.parent
    else:
        data = made_up(work)
    os.environ["HOME"] = str(out)
    page = report.write(out / "report", data, work, report.verdict(data)[0], 0)
    wrong = []
    for width in (390, 1280):
        probed = out / f"probed-{width}.html"
        # A headless window is never narrower than 500: the page is, then.
        probed.write_text(page.read_text().replace("</body>", f"<style>html {{ width: {width}px }}</style>{PROBE}</body>"))
        seen, words = open_in(browser, probed, width, out)
        print(f"{width} px: {seen}")
        wrong += [line for line in words.splitlines() if "CONSOLE" in line]
        if sorted(seen["rows"]) != sorted(data["targets"]):
            wrong.append(f"{width} px: rows for {seen['rows']}, targets are {sorted(data['targets'])}")
        wrong += [f"{width} px: {seen['wide']} elements are wider than the page"] * (seen["wide"] > 0)
        wrong += [f"{width} px: the page fetched {seen['outside']}"] * bool(seen["outside"])
        wrong += [f"{width} px: no plot"] * (seen["plots"] == 0)
    print("\n".join(wrong) or "the page is as it should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
