"""The training text: the King James Bible as Debian's `bible` program prints it."""

import re
import subprocess

VERSE = re.compile(r"^(\d?[A-Za-z]+)(\d+):(\d+) (.*)$")
HELD_OUT_EVERY = 50
HELD_OUT_PHASE = 25


def read_chapters():
    """Return [(book, [verse, ...]), ...], one entry a chapter, in the printed order."""
    printed = subprocess.run(
        ["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True
    ).stdout.decode("ascii")
    chapters, last = [], None
    for line in printed.splitlines():
        match = VERSE.match(line)
        if not match:
            raise SystemExit(f"train: `bible` printed a line that is no verse: {line!r}")
        book, chapter, _, text = match.groups()
        if (book, chapter) != last:
            chapters.append((book, []))
            last = (book, chapter)
        chapters[-1][1].append(" ".join(text.split()))
    return chapters


def split(chapters):
    """Hold out one chapter in fifty by its number alone; return (training, held out)."""
    training, held_out = [], []
    for number, chapter in enumerate(chapters):
        held = number % HELD_OUT_EVERY == HELD_OUT_PHASE
        (held_out if held else training).append(chapter)
    return training, held_out


def text_of(chapters):
    """One verse a line and an empty line between chapters."""
    return "\n\n".join("\n".join(verses) for _, verses in chapters) + "\n"
