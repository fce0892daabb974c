"""CBMC proves some kernels, and finds accesses outside of arrays that were put in.

`make proof` proves all: `tests/kernel_proofs.py`.
"""

import shutil
from pathlib import Path

import pytest
from kernel_cases import CASES
from kernel_proofs import PAGE, Bounds, prove, sources_of

needs_cbmc = pytest.mark.skipif(
    shutil.which("cbmc") is None, reason="needs cbmc: apt-get install cbmc"
)
KERNELS = (
    "ek_fc_s8_s8",
    "ek_fc_s8_s8_w4",
    "ek_conv_s8_s8",
    "ek_conv_transpose_s16_s8",
    "ek_lut_s16_s8",
    "ek_max_pool_s8",
    "ek_transpose_b16",
)
# kernel, what stands in its file, a defect in its place
DEFECTS = (
    ("ek_finite_f32", "i < n", "i <= n"),
    ("ek_lut_s8", "x[i] + 128", "x[i] + 129"),
    ("ek_dequantize_s8", "i < n", "i <= n"),
    ("ek_frame_dots_f32", "i < k;", "i <= k;"),  # a product of elements that are any
)
QUICK = Bounds(values=5, others=1, bytes=200, calls=3)


@pytest.mark.rows(3)
@needs_cbmc
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_contents_lead_outside_of_the_arrays(kernel: str) -> None:
    proof = prove(kernel, bounds=QUICK, seconds=300)
    assert proof.failures == () and proof.properties > 10


@pytest.mark.rows(2)
@needs_cbmc
@pytest.mark.parametrize(("kernel", "right", "wrong"), DEFECTS)
def test_an_access_outside_is_found(tmp_path: Path, kernel: str, right: str, wrong: str) -> None:
    (source,) = sources_of(kernel)
    text = source.read_text()
    assert right in text
    damaged = tmp_path / source.name
    damaged.write_text(text.replace(right, wrong, 1))
    failures = prove(kernel, bounds=QUICK, seconds=300, sources=[damaged]).failures
    assert any("outside object bounds" in line for line in failures)


@needs_cbmc
def test_an_overflow_is_found(tmp_path: Path) -> None:
    (source,) = sources_of("ek_lut_s8")
    damaged = tmp_path / source.name
    damaged.write_text(source.read_text().replace("x[i] + 128", "x[i] * (1 << 30) + 128", 1))
    failures = prove("ek_lut_s8", "arithmetic", QUICK, sources=[damaged]).failures
    assert any("overflow" in line for line in failures)


def test_every_portable_kernel_has_a_row() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(CASES)
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))
