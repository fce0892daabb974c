"""The screen of ``edgekit run --mic``: levels, deadlines, what was lost, and two keys."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live as Screen
from rich.text import Text

from edgekit import api
from edgekit.cli.console import err, out, print_table, verbosity
from edgekit.cli.keys import keys
from edgekit.runtime.audio.sound import QUIT, SWITCH

if TYPE_CHECKING:
    from edgekit.runtime.audio.live import LiveFacts

COMMANDS = {"q": QUIT, "Q": QUIT, "d": SWITCH, "D": SWITCH}
LOOK_S = 0.1
BAR, FLOOR_DBFS = 40, -60.0  # characters; what an empty bar stands for


def hear(
    directory: Path,
    constants: Path | None,
    as_json: bool,
    controls: Sequence[str] = (),
    device_rate: int | None = None,
    seed: int | None = None,
) -> "LiveFacts":
    """Run a build on the sound devices until a key or Ctrl-C ends it; shows what happens where there is a screen."""
    with ExitStack() as stack:
        poll = stack.enter_context(keys())
        screen = None
        if err.is_terminal and not as_json and not verbosity.quiet:
            screen = stack.enter_context(Screen(console=err, transient=True, auto_refresh=False))

        printed = 0

        def watch(facts: "LiveFacts") -> str | None:
            nonlocal printed
            if not as_json:
                say(facts, printed)
            printed = len(facts.detections)
            if screen is not None:
                screen.update(Text(picture(facts)), refresh=True)
            return COMMANDS.get(poll(LOOK_S))

        facts = api.live(
            directory,
            watch,
            constants=constants,
            controls=controls,
            device_rate=device_rate,
            seed=seed,
        )
    if not as_json:
        say(facts, printed)
    return facts


def say(facts: "LiveFacts", printed: int) -> None:
    """Print what was detected since so many detections were printed."""
    for detection in facts.detections[printed:]:
        out.print(str(detection), markup=False, highlight=False)


def picture(facts: "LiveFacts") -> str:
    """Up to six lines."""
    if not facts.plays:
        latest = facts.detections[-1] if facts.detections else "nothing yet"
        return "\n".join(
            (
                level("in", facts.in_dbfs),
                f"hops  {computing_summary(facts)}",
                f"lost  {losses(facts)}",
                f"found {latest}",
                "keys  q  quit",
            )
        )
    sound = "the microphone (dry)" if facts.dry else "the build (wet)"
    return "\n".join(
        (
            level("in", facts.in_dbfs),
            level("out", facts.out_dbfs),
            f"hops  {computing_summary(facts)}",
            f"lost  {losses(facts)}",
            f"plays {sound}, {facts.latency_ms:g} ms late, plus the delay of the device",
            "keys  d  dry or wet   q  quit",
        )
    )


def level(name: str, dbfs: float | None) -> str:
    """A bar with its level."""
    share = 0.0 if dbfs is None else min(1.0, max(0.0, 1 - dbfs / FLOOR_DBFS))
    full = round(BAR * share)
    text = "silent" if dbfs is None else f"{dbfs:.1f} dBFS"
    return f"{name:5} {'#' * full}{'.' * (BAR - full)} {text}"


def computing_summary(facts: "LiveFacts") -> str:
    """How long hops take, and how many took too long."""
    if facts.median_us is None:
        return "none yet"
    times = f"{facts.median_us / 1000:.3g} ms each, longest {facts.max_us / 1000:.3g}"
    late = (
        f"{facts.deadline_misses:,} of {facts.hops:,} took longer than {facts.hop_us / 1000:g} ms"
    )
    return f"{times}; {late}"


def losses(facts: "LiveFacts") -> str:
    """What was not heard, or was heard as silence."""
    lost = [f"{name.replace('_', ' ')} {count:,}" for name, count in facts.xruns.items() if count]
    if facts.late_samples:
        lost.append(f"{facts.late_samples:,} samples late")
    if facts.dropped_hops:
        lost.append(f"{facts.dropped_hops:,} hops left out")
    return ", ".join(lost) or "nothing"


def show(facts: "LiveFacts") -> None:
    """Print what happened in all."""
    rows = [
        ("in, out", f"{_dbfs(facts.in_dbfs)}, {_dbfs(facts.out_dbfs)}"),
        ("hops", computing_summary(facts)),
        ("lost", losses(facts)),
        ("latency", f"{facts.latency_ms:g} ms and what the device adds"),
    ]
    if facts.detections:
        rows.append(("detections", f"{len(facts.detections):,}"))
    print_table("live", ("fact", "value"), rows)


def _dbfs(level_dbfs: float | None) -> str:
    return "silent" if level_dbfs is None else f"{level_dbfs:.1f} dBFS"
