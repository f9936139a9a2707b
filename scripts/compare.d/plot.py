"""The ratios as an SVG: one line a row and a point a peer, on a scale where twice and half are as far from 1."""

import html
import math

ROW, GAP, LEFT, RIGHT, TOP, BOTTOM, WIDTH = 18, 16, 300, 24, 44, 30, 860
COLOURS = ("#0b6e99", "#c2571a", "#5b7f2b", "#8a4fa3", "#7a6a00")
STYLE = ("text{font:12px sans-serif;fill:#222}.model{font-weight:bold}.grid{stroke:#ddd}.one{stroke:#222}"
         ".small{font-size:11px;fill:#555}")


def ticks(low, high):
    """Powers of two, from the one below to the one above."""
    first, last = math.floor(math.log2(low)), math.ceil(math.log2(high))
    return [2.0 ** power for power in range(first, max(last, first + 1) + 1)]


def svg(data):
    """The whole file; nothing but the frame where there are no ratios."""
    peers = [peer["name"] for peer in data["peers"]]
    every = [ratio for model in data["models"] for row in model["rows"] for ratio in row["ratios"].values()]
    marks = ticks(min([0.9] + [ratio["low"] for ratio in every]), max([1.9] + [ratio["high"] for ratio in every]))
    low, high = math.log2(marks[0]), math.log2(marks[-1])

    def x(ratio):
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log2(ratio) - low) / (high - low)

    body, y = [], TOP
    for model in data["models"]:
        y += GAP
        body.append(f'<text class="model" x="8" y="{y:.0f}">{html.escape(model["name"])}</text>')
        y += 6
        for row in model["rows"]:
            middle = y + ROW / 2
            plural = "s" if row["threads"] > 1 else ""
            label = f'{row["test"]}, {row["threads"]} thread{plural}'
            body.append(f'<text x="{LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{html.escape(label)}</text>')
            for i, peer in enumerate(peers):
                ratio = row["ratios"].get(peer)
                if not ratio:
                    continue
                colour, at = COLOURS[i % len(COLOURS)], middle + 3.5 * (i - (len(peers) - 1) / 2)
                body.append(f'<line x1="{x(ratio["low"]):.1f}" x2="{x(ratio["high"]):.1f}" y1="{at:.1f}" y2="{at:.1f}" '
                            f'stroke="{colour}" stroke-width="1.5"/>'
                            f'<circle cx="{x(ratio["median"]):.1f}" cy="{at:.1f}" r="3.2" fill="{colour}">'
                            f'<title>{html.escape(peer)}: {ratio["median"]:.2f}</title></circle>')
            y += ROW
    height = y + BOTTOM
    grid = "".join(f'<line class="{"one" if mark == 1 else "grid"}" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP}" '
                   f'y2="{y + 4:.0f}"/><text x="{x(mark):.1f}" y="{y + 20:.0f}" text-anchor="middle">{mark:g} ×</text>'
                   for mark in marks)
    legend, at = [], LEFT
    for i, peer in enumerate(peers):
        name = f"over {peer}"
        legend.append(f'<circle cx="{at}" cy="32" r="4" fill="{COLOURS[i % len(COLOURS)]}"/>'
                      f'<text x="{at + 9}" y="36">{html.escape(name)}</text>')
        at += 30 + 7 * len(name)
    title = "Prumo's speed over its peers'" + (" — UNPROVED" if data["unproved"] else "")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img" aria-label="{html.escape(title)}"><style>{STYLE}</style>'
            f'<rect width="100%" height="100%" fill="#fff"/><text class="model" x="8" y="18">{html.escape(title)}</text>'
            f'<text class="small" x="{WIDTH - RIGHT}" y="18" text-anchor="end">{html.escape(data["machine"]["cpu"])}, '
            f'{data["date"]}</text>{"".join(legend)}{grid}{"".join(body)}</svg>\n')
