"""CMSIS-NN's published test cases through EdgeKit's integers, read as data from a checkout of yours.

    git clone https://github.com/ARM-software/CMSIS-NN
    python bench vectors --checkout CMSIS-NN [--only REGEX]

Convolutions, depthwise and fully connected layers with int8 and int4 weights, pools, softmax and LSTM, of int8 and
int16. A case is equal; or within 1 and explained, when CMSIS-NN's arithmetic gives its outputs from the same sums: it
rounds twice where EdgeKit rounds once, and halves away from zero in means; or it is a fault. Softmax and LSTM are held
to the exact value (vectors_gates.py). Prints the counts of each family; exits with 1 where there is a fault.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conformance.vectors_gates import lstm, softmax
from numpy.typing import NDArray

from edgekit.operators.conv.twin import ek_conv
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear.twin import ek_fc
from edgekit.operators.pooling.twin import Pool, ek_avg_pool, ek_max_pool

CASES = Path("Tests/UnitTest/TestCases/TestData")
ARRAY = re.compile(r"const (u?int\d+_t) \*?(?:const )?(\w+)\[[^]]*\]\s*=\s*\{([^}]*)\}", re.DOTALL)
SKIPPED = re.compile(r"f16|f32|transpose|svdf|w_zp|ds_cnn")
NAMES = {  # of the files of int4 cases: those of the others
    "input": "input_data",
    "input_weights": "weights_data",
    "input_bias": "biases_data",
    "output": "output_ref_data",
    "output_multiplier": "output_mult_data",
    "output_shift": "output_shift_data",
}
Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A folder: numbers by the end of their names, arrays by the name of their file."""

    name: str
    numbers: dict[str, int]
    arrays: dict[str, Array]

    def number(self, *names: str, default: int | None = None) -> int:
        """The number whose name ends so."""
        for name in names:
            for key, value in self.numbers.items():
                if key.endswith(f"_{name}"):
                    return value
        if default is None:
            raise KeyError(f"{self.name}: {names[0]}")
        return default

    def array(self, *files: str) -> Array | None:
        """The array of the first of some files that is there."""
        return next((self.arrays[file] for file in files if file in self.arrays), None)


def read(folder: Path) -> Case:
    """Read a folder."""
    numbers, arrays = dict[str, int](), dict[str, Array]()
    # A folder may hold files of an earlier form too: test_data.h names those that belong together.
    index = folder / "test_data.h"
    listed = re.findall(r'#include "([^"]+)"', index.read_text()) if index.exists() else []
    for path in sorted(folder.glob("*.h")):
        if listed and path.name not in listed:
            continue
        text = path.read_text(errors="replace")
        for name, value in re.findall(r"#define (\w+) \(?(-?\d+)\)?", text):
            numbers[name] = int(value)
        if found := ARRAY.search(text):
            kind = found[1].removesuffix("_t")
            values = [int(n) for n in re.findall(r"-?\d+", found[3])]
            stem = NAMES.get(path.stem, path.stem) if "int4" in folder.name else path.stem
            arrays[stem] = np.array(values, np.int64).astype(kind)
    if "int4" in folder.name and "weights_data" in arrays:
        arrays["weights_data"] = nibbles(arrays["weights_data"])
    return Case(folder.name, numbers, arrays)


def nibbles(packed: Array) -> Array:
    """Two int4 of each byte, the low one first."""
    low, high = packed.astype(np.int8) << 4 >> 4, packed.astype(np.int8) >> 4
    return np.stack([low, high], axis=1).ravel()


def twice(acc: Array, mult: Array, shift: Array) -> Array:
    """CMSIS-NN's arm_nn_requantize: a doubling high product, rounded, then a division by a power of two, rounded."""
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = ((acc << left) * mult + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    found = high >> right
    return found + ((high & mask) > (mask >> 1) + (found < 0))


def verdict(found: Array, expected: Array, theirs: Array) -> str:
    """``equal``, ``explained`` by what their arithmetic gives, or ``fault``."""
    if np.array_equal(found, expected):
        return "equal"
    near = int(np.abs(found.astype(np.int64) - expected).max()) <= 1
    return "explained" if near and np.array_equal(theirs, expected) else "fault"


def sums(
    run: Callable[[Array, Array], Array], count: int, mult: Array, shift: Array, wide: bool
) -> tuple[Array, Array]:
    """The outputs with one rounding, and the sums; `run` takes multipliers and shifts of EdgeKit and gives int64."""
    mult, shift = (np.resize(a.astype(np.int64), count) for a in (mult, shift))
    if wide:  # sums of 64 bits: both take 16 bits of the multiplier
        found = run(np.minimum((mult + (1 << 15)) >> 16, 32767), 15 - shift)
        return found, found
    acc = run(np.full(count, 2), np.ones(count, np.int64))
    return run(mult, 31 - shift), acc


def convolution(case: Case) -> str:
    """A convolution or a depthwise one; batches one by one."""
    n, groups_of = case.number, "CH_MULT"
    depthwise = any(key.endswith(groups_of) for key in case.numbers)
    in_c, out_c = n("IN_CH"), n("OUT_CH")
    k_h, k_w = n("FILTER_Y"), n("FILTER_X")
    in_h, in_w, out_h, out_w = n("INPUT_H"), n("INPUT_W"), n("OUTPUT_H"), n("OUTPUT_W")
    x, w, expected = (
        case.arrays["input_data"],
        case.arrays["weights_data"],
        case.arrays["output_ref_data"],
    )
    per_group = 1 if depthwise else w.size // (out_c * k_h * k_w)
    w = w[: out_c * k_h * k_w * per_group]  # an odd count of int4 leaves one over
    w = w.reshape((k_h, k_w, out_c, 1) if depthwise else (out_c, k_h, k_w, per_group))
    w = w.transpose((2, 3, 0, 1) if depthwise else (0, 3, 1, 2))
    in_c = x.size // (n("INPUT_BATCHES") * in_h * in_w)
    out_c = w.shape[0]
    shape = ConvShape(
        in_c,
        in_h,
        in_w,
        out_c,
        out_h,
        out_w,
        k_h,
        k_w,
        n("STRIDE_Y"),
        n("STRIDE_X"),
        n("DILATION_Y"),
        n("DILATION_X"),
        n("PAD_Y"),
        n("PAD_X"),
        in_c // per_group,
    )
    bias = case.array("biases_data", "bias")
    wide = x.dtype == np.int16 and (bias is None or bias.dtype == np.int64)
    bias = np.zeros(out_c, np.int64) if bias is None else bias.astype(np.int64)
    low, high = n("OUT_ACTIVATION_MIN"), n("OUT_ACTIVATION_MAX")
    zero, y_zero = -n("INPUT_OFFSET", default=0), n("OUTPUT_OFFSET", default=0)
    mult, shift = case.arrays["output_mult_data"], case.arrays["output_shift_data"]
    ours, theirs = [], []
    for image in x.reshape(-1, in_h, in_w, in_c).transpose(0, 3, 1, 2):

        def run(m: Array, s: Array, limits: tuple[int, int, int], image: Array = image) -> Array:
            y_zero, low, high = limits
            return ek_conv(image, zero, w, bias, m, s, y_zero, low, high, shape, to=np.int64)

        def plain(m: Array, s: Array, run: Callable[..., Array] = run) -> Array:
            return run(m, s, (0, -(2**62), 2**62))

        found, acc = sums(plain, out_c, mult, shift, wide)
        other = acc if wide else twice(acc, *_columns(mult, shift, out_c))
        ours.append(np.clip(found + y_zero, low, high).transpose(1, 2, 0))
        theirs.append(np.clip(other + y_zero, low, high).transpose(1, 2, 0))
    return verdict(np.ravel(ours), expected, np.ravel(theirs))


def _columns(mult: Array, shift: Array, count: int) -> list[Array]:
    """Multipliers and shifts of channels, (channels, 1, 1)."""
    return [np.resize(a.astype(np.int64), count).reshape(-1, 1, 1) for a in (mult, shift)]


def connected(case: Case) -> str:
    """A fully connected layer."""
    n = case.number
    x, w = case.array("input_data", "input"), case.array("weights_data", "weights")
    expected, bias = case.array("output_ref_data", "output"), case.array("biases_data", "bias")
    if x is None or w is None or expected is None:
        raise KeyError(f"arrays {', '.join(case.arrays)}")
    depth, out_c = n("ACCUMULATION_DEPTH"), n("OUT_CH")
    mult = case.array("output_mult_data", "output_multiplier")
    shift = case.array("output_shift_data", "output_shift")
    if (
        not any(key.endswith("PER_CHANNEL_QUANT") for key in case.numbers)
        and "fc_per_ch" not in case.name
    ):
        mult, shift = (np.array([n(name)]) for name in ("OUTPUT_MULTIPLIER", "OUTPUT_SHIFT"))
    assert mult is not None and shift is not None
    wide = x.dtype == np.int16 and (bias is None or bias.dtype == np.int64)
    bias = np.zeros(out_c, np.int64) if bias is None else bias.astype(np.int64)
    x = x.reshape(-1, depth).astype(np.int64) + n("INPUT_OFFSET", default=0)
    w = w[: out_c * depth].reshape(out_c, depth)

    def run(m: Array, s: Array) -> Array:
        return ek_fc(x, w, bias, m, s, 0, -(2**62), 2**62, to=np.int64)

    found, acc = sums(run, out_c, mult, shift, wide)
    m, s = (np.resize(a.astype(np.int64), out_c) for a in (mult, shift))
    limits = n("OUT_ACTIVATION_MIN"), n("OUT_ACTIVATION_MAX")
    zero, other = n("OUTPUT_OFFSET", default=0), acc if wide else twice(acc, m, s)
    made = [np.clip(y + zero, *limits).ravel() for y in (found, other)]
    return verdict(made[0], expected, made[1])


def pool(case: Case) -> str:
    """A pool; means are of what lies inside the picture."""
    n = case.number
    x, expected = case.arrays["input_tensor"], case.arrays["output"]
    c, in_h, in_w = n("INPUT_C"), n("INPUT_H"), n("INPUT_W")
    out_h, out_w, k_h, k_w = n("OUTPUT_H"), n("OUTPUT_W"), n("FILTER_H"), n("FILTER_W")
    sizes = (c, in_h, in_w, c, out_h, out_w, k_h, k_w, n("STRIDE_H"), n("STRIDE_W"), 1, 1)
    shape = ConvShape(*sizes, n("PADDING_H"), n("PADDING_W"), c)
    pool = Pool(shape, 0, 0, 0)
    low, high = n("ACTIVATION_MIN"), n("ACTIVATION_MAX")
    counts = np.arange(1, k_h * k_w + 1)
    ours, theirs = [], []
    for image in x.reshape(-1, in_h, in_w, c).transpose(0, 3, 1, 2):
        if "max" in case.name:
            ours.append(np.clip(ek_max_pool(image, shape), low, high).transpose(1, 2, 0))
            continue
        mult = np.rint(2.0**30 / counts).astype(np.int64)
        given = (image, 0, mult, np.full(counts.size, 30), 1, 0, low, high)
        ours.append(ek_avg_pool(*given, pool=pool, to=np.int64).transpose(1, 2, 0))
        whole = (np.full(counts.size, 2), np.ones(counts.size, np.int64), 1, 0, -(2**62), 2**62)
        total = ek_avg_pool(image, 0, *whole, pool=pool, to=np.int64)
        held = ek_avg_pool(np.ones_like(image), 0, *whole, pool=pool, to=np.int64)
        away = np.sign(total) * ((np.abs(total) + held // 2) // held)
        theirs.append(np.clip(away, low, high).transpose(1, 2, 0))
    return verdict(np.ravel(ours), expected, np.ravel(theirs or ours))


def family(case: Case) -> tuple[str, Callable[[Case], str]] | None:
    """What a case is of, and what runs it; None of what is not read."""
    if SKIPPED.search(case.name):
        return None
    if case.name.startswith("softmax"):
        return "softmax", softmax
    if case.name.startswith("lstm"):
        return "LSTM", lstm
    if "input_tensor" in case.arrays and "pool" in case.name:
        return "pooling", pool
    if any(key.endswith("_ACCUMULATION_DEPTH") for key in case.numbers):
        return "fully connected", connected
    if "output_mult_data" in case.arrays and any(key.endswith("_FILTER_X") for key in case.numbers):
        depthwise = any(key.endswith("CH_MULT") for key in case.numbers)
        return "depthwise" if depthwise else "convolution", convolution
    return None


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--checkout", type=Path, required=True, metavar="PATH")
    parser.add_argument("--only", default="", metavar="REGEX")
    given = parser.parse_args()
    folders = sorted(path for path in (given.checkout / CASES).iterdir() if path.is_dir())
    counts, unread = Counter[tuple[str, str]](), 0
    for folder in folders:
        case = read(folder)
        chosen = family(case) if re.search(given.only, folder.name) else None
        if chosen is None:
            unread += 1
            continue
        try:
            told = chosen[1](case)
        except (KeyError, ValueError) as error:
            told = "not understood"
            print(f"{case.name}: {error}")
        counts[chosen[0], told] += 1
        if told == "fault":
            print(f"{case.name}: fault")
    for (name, told), count in sorted(counts.items()):
        print(f"{name}: {count} {told}")
    print(f"{unread} cases of other operators or types are not read")
    return int(any(told == "fault" for _, told in counts))


if __name__ == "__main__":
    sys.exit(main())
