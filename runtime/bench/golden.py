"""Compare a device's outputs with those of the export's verified run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import CheckFailed
from edgekit.runtime.build_folder.manifest import Manifest

LEAST_SNR_DB = 90.0  # of float arithmetic that sums in another order
# Two roundings of a network, each as far from its source, are at most twice that far (6 dB) from each other.
OTHER_ROUNDING_DB = 6.0
OTHER_ARITHMETIC = (
    "onnxruntime",
    "litert",
    "executorch",
)  # whose integer kernels differ from one core to the next
LINE = re.compile(
    r"(output|layer) (.+): ((?:FAIL, )?(?:equal|different|-?\d{1,9} dB)(?:, hop (\d{1,9}))?)"
)

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Row:
    """One line of a replay program: an output or a layer, and its comparison with golden."""

    kind: str
    name: str
    result: str
    first_hop: int

    @property
    def is_wrong(self) -> bool:
        """Whether it is farther from golden than is allowed."""
        return self.result.startswith("FAIL")


def least_db(manifest: Manifest) -> float:
    """Return how near an output must be to the verified run, in dB, where its bits may differ.

    Less than 90 dB for a float network whose source's own rounding is more, and for integers of onnxruntime
    and LiteRT.
    """
    facts = manifest.verification
    is_float = manifest.quantization["recipe"] == "float32"
    # golden data are of the example inputs, where these alone calibrated a build
    ratio = None if facts is None else facts.get("example_snr_db", facts["snr_db"])
    if ratio is None:
        return LEAST_SNR_DB
    if is_float:
        return float(min(LEAST_SNR_DB, ratio))
    if manifest.target in OTHER_ARITHMETIC:
        return float(min(LEAST_SNR_DB, ratio - OTHER_ROUNDING_DB))
    return LEAST_SNR_DB


def apart_db(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Return the signal-to-noise ratio of our outputs against others', in dB, by name; infinite where equal."""
    ratios = {}
    for output, expected in theirs.items():
        error = np.asarray(ours[output], np.float64) - expected
        noise, signal = np.sum(error**2), np.sum(np.asarray(expected, np.float64) ** 2)
        with np.errstate(divide="ignore"):
            ratios[output] = np.inf if noise == 0 else float(10 * np.log10(signal / noise))
    return ratios


def check_outputs(device: str, manifest: Manifest, found: Arrays, golden: Arrays) -> None:
    """Compare the first hops of a fresh run with those of the verified one.

    Args:
        device: where it ran.
        manifest: the build's facts.
        found: (hops, *shape) by name.
        golden: as many hops or more.

    Raises:
        CheckFailed: an output is farther away than `least_db`; integers must be equal.
    """
    wrong = list(_other_shapes(found, golden)) or list(_other_values(found, golden, manifest))
    if wrong:
        raise CheckFailed(f"{device} disagrees with golden:\n" + "\n".join(wrong))


def _other_shapes(found: Arrays, golden: Arrays) -> Iterator[str]:
    """The outputs whose shapes are not those of golden."""
    for name, array in found.items():
        expected = golden.get(name)
        if expected is None or expected[: len(array)].shape != array.shape:
            shape = "none" if expected is None else expected.shape
            yield f"output '{name}': shape {array.shape}, golden has {shape}"


def _other_values(found: Arrays, golden: Arrays, manifest: Manifest) -> Iterator[str]:
    """The outputs that are too far from golden, which has their shapes."""
    needed = least_db(manifest)
    expected = {name: golden[name][: len(array)] for name, array in found.items()}
    for name, ratio in apart_db(found, expected).items():
        least = needed if expected[name].dtype.kind == "f" else np.inf
        if not ratio >= least and not np.array_equal(found[name], expected[name], equal_nan=True):
            yield f"output '{name}': {ratio:.1f} dB from golden, at least {least:g} needed"


def rows(printed: str) -> list[Row]:
    """Return the outputs and layers that a replay program printed; lines of another form are skipped."""
    matches = (LINE.fullmatch(line) for line in printed.splitlines())
    return [Row(m[1], m[2], m[3], int(m[4] or 0)) for m in matches if m]


def first_wrong(found: list[Row]) -> Row | None:
    """Return the layer that went wrong first: in the earliest hop, there the first to run."""
    wrong = [row for row in found if row.kind == "layer" and row.is_wrong]
    return min(wrong, key=lambda row: row.first_hop, default=None)


def check_verdict(device: str, printed: str, layers: bool = False) -> None:
    """Accept the output of a replay program if it ends with PASS.

    Raises:
        CheckFailed: it does not; with `layers`, names the first layer that differs.
    """
    if printed.splitlines()[-1:] == ["PASS"]:
        return
    what = f"{device}: the replay of golden data failed"
    first = first_wrong(rows(printed)) if layers else None
    if first is not None:
        what += f"; the first layer that differs: {first.name}, in hop {first.first_hop}"
    raise CheckFailed(f"{what}\n{printed.strip()}")
