"""Groups of the options in the help: the usual ones, and those that `--help-all` alone shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Options, by name, that the help shows together."""

    name: str
    usual: tuple[str, ...]
    rare: tuple[str, ...] = ()


GROUPS = (
    Group(
        "Network",
        ("sample_rate", "frontend", "shapes", "constants", "session_constants"),
        ("states", "signature", "layouts", "mid_side", "noise", "then", "iterate", "sampler"),
    ),
    Group("Streaming", ("hop", "time_axes", "causal", "controls"), ("replace", "rates", "until")),
    Group(
        "Integers",
        ("recipe", "calibration", "min_snr_db", "strict"),
        (
            "settings",
            "metric",
            "max_flash",
            "max_ram",
            "max_instructions",
            "workers",
            "scheduler",
        ),
    ),
    Group("Sound", (), ("decide", "device_rate", "wrap", "knobs")),
    Group(
        "C code",
        ("tune",),
        ("board", "packages", "schedule", "bindings", "weights", "allow_oversize"),
    ),
    Group("LiteRT", (), ("stateful", "micro")),
    Group("FPGA", (), ("part", "goal", "datapath", "picture", "cpu_fallback")),
    Group("Output", ("force",)),
)
GROUP_OF = {name: group for group in GROUPS for name in (*group.usual, *group.rare)}
ORDER = tuple(GROUP_OF)
