"""Small plots as inline SVG; their colours are the page's."""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 96, 8, 8, 14, 16


def short(number):
    """A number in at most five characters or so."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            scaled = number / (1e3 if unit == "k" else limit)
            return f"{scaled:.3g}{unit}" if scaled < 1000 else f"{scaled:.0f}{unit}"
    return f"{number:.0f}" if number == int(number) or number >= 100 else f"{number:.2g}"


def span(seconds):
    """A stretch of time, to be read."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def plot(title, series, end):
    """Steps of each series, a list of (css class, [(seconds, value)]), over the run from 0 to `end` seconds."""
    values = [value for _, points in series for _, value in points]
    if not values:
        return f'<figure><figcaption>{title}</figcaption><p class="none">no data</p></figure>'
    low, high = min(values), max(values)
    pad = max(1, (high - low) * 0.08)
    low, high = low - pad, high + pad

    def x(seconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, seconds / max(end, 1e-9))

    def y(value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    marks = []
    for name, points in series:
        if not points:
            continue
        path = f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}"
        for seconds, value in points[1:]:
            path += f"H{x(seconds):.1f}V{y(value):.1f}"
        marks.append(f'<path class="{name}" d="{path}"/>')
        marks.append(f'<circle class="{name}" cx="{x(points[-1][0]):.1f}" cy="{y(points[-1][1]):.1f}" r="2.5"/>')
    floor = HEIGHT - BOTTOM
    label = f"{title}, from {short(min(values))} to {short(max(values))} in {span(end)}"
    return (f'<figure><figcaption>{title} <b>{short(max(values))}</b></figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
            f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>'
            + "".join(marks)
            + f'<text x="{LEFT}" y="10">{short(max(values))}</text>'
              f'<text x="{LEFT}" y="{HEIGHT - 4}">{short(min(values))}</text>'
              f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{span(end)}</text></svg></figure>')
