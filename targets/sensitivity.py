"""What each tensor costs alone: a picture for report.html of what a search for types measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

ROW, NAME_WIDTH, BAR_WIDTH, NUMBER_WIDTH = 16, 360, 480, 90
FULL_BAR_DB = 100.0
# of a tensor's type; apart for colour-blind readers, and by lightness in print
COLOURS = {"int8": "#4477aa", "int16": "#ccbb44", "float32": "#ee6677"}


@dataclass(frozen=True)
class Alone:
    """A group of tensors: its first one, the type that it got, and the output's signal-to-noise ratio in dB.

    The ratio is that with the group in its narrowest type, and everything else exact.
    """

    name: str
    dtype: str
    snr_db: float


def alone(ratios: Mapping[str, float], types: Mapping[str, str], default: str) -> list[Alone]:
    """Return the groups, the most sensitive first; what `types` does not name has the type `default`."""
    rows = [Alone(name, types.get(name, default), db) for name, db in ratios.items()]
    return sorted(rows, key=lambda row: (row.snr_db, row.name))


def picture(rows: Sequence[Alone]) -> str:
    """Return bars, the shorter the more sensitive, in the colour of the type that was chosen."""
    parts = []
    for index, row in enumerate(rows):
        y = index * ROW
        share = max(0.0, min(1.0, row.snr_db / FULL_BAR_DB))
        number = f"{row.snr_db:.1f} dB" if share < 1 else f"over {FULL_BAR_DB:g} dB"
        parts.append(
            f'<text x="{NAME_WIDTH - 8}" y="{y + 12}" text-anchor="end">{escape(row.name[-48:])}</text>'
            f'<rect x="{NAME_WIDTH}" y="{y + 2}" width="{BAR_WIDTH * share:.1f}" height="{ROW - 4}" '
            f'fill="{COLOURS[row.dtype]}"><title>{escape(f"{row.name}: {row.dtype}")}</title></rect>'
            f'<text x="{NAME_WIDTH + BAR_WIDTH * share + 6:.1f}" y="{y + 12}">{number}, {row.dtype}</text>'
        )
    width = NAME_WIDTH + BAR_WIDTH + NUMBER_WIDTH
    return (
        f'<svg viewBox="0 0 {width} {ROW * len(rows)}" width="{width}" role="img" '
        f'aria-label="the output\'s signal to noise with one tensor alone in its narrowest type">'
        f"{''.join(parts)}</svg>"
        "<p><small>The output against the float network's with this tensor alone in its narrowest type and "
        "all else exact; the type behind the number is the one that it got.</small></p>"
    )
