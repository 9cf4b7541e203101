"""Draws stacked bars as SVG, which every browser shows: one picture is worth no drawing library. Pure."""

from collections.abc import Mapping
from html import escape

WIDTH, LABEL, BAR, GAP = 900, 220, 18, 8
SHOWN_AT_MOST = 25
"""Bars of one picture; what is beyond them is in the table."""
COLOURS = ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac")


def draw_stacks(bars: Mapping[str, Mapping[str, int]], *, title: str) -> str:
    """Return a picture with one bar for each name, made of its parts in the order of their names."""
    shown = dict(list(bars.items())[:SHOWN_AT_MOST])
    parts = sorted({part for bar in shown.values() for part in bar})
    colours = {part: COLOURS[at % len(COLOURS)] for at, part in enumerate(parts)}
    most = max((sum(bar.values()) for bar in shown.values()), default=1)
    top = 60 + 20 * (-(-len(parts) // 4))
    height = top + len(shown) * (BAR + GAP) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="24" font-size="16">{escape(title)}</text>',
    ]
    for at, part in enumerate(parts):
        x, y = 10 + (at % 4) * 215, 50 + (at // 4) * 20
        lines.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colours[part]}"/>')
        lines.append(f'<text x="{x + 18}" y="{y}">{escape(part)}</text>')
    for at, (name, bar) in enumerate(shown.items()):
        lines += _draw_bar(name, bar, colours, y=top + at * (BAR + GAP), scale=(WIDTH - LABEL - 70) / most)
    return "\n".join([*lines, "</svg>", ""])


def _draw_bar(name: str, bar: Mapping[str, int], colours: Mapping[str, str], *, y: int, scale: float) -> list[str]:
    middle = y + BAR - 5
    lines = [f'<text x="{LABEL - 10}" y="{middle}" text-anchor="end">{escape(name[:34])}</text>']
    x = float(LABEL)
    for part in sorted(bar):
        width = bar[part] * scale
        lines.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colours[part]}">'
            f"<title>{escape(name)}, {escape(part)}: {bar[part]}</title></rect>"
        )
        x += width
    return [*lines, f'<text x="{x + 6:.1f}" y="{middle}">{sum(bar.values())}</text>']
