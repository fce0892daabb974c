"""The page of a benchmark in a report."""

from edgekit.runtime.bench.measure import ByLayer, Measurement
from edgekit.verbs.bench.page import with_page

REPORT = "<html><body><p>report</p></body></html>"


def measured(device: str, count: int) -> Measurement:
    return Measurement(device, 3, None, 100, instructions=(count, count, 2 * count))


def test_a_device_has_one_page_which_a_new_one_replaces() -> None:
    first = with_page(REPORT, measured("qemu", 1234))
    assert first.endswith("</body></html>") and "1,234" in first
    other = with_page(first, measured("local", 77))
    again = with_page(other, measured("qemu", 5678))
    assert again.count("<!-- bench qemu -->") == again.count("<!-- bench local -->") == 1
    assert "1,234" not in again and "5,678" in again and "<p>report</p>" in again


def test_layers_are_bars() -> None:
    costs = ByLayer("instructions", (("fc", "Gemm", 75.0), ("act", "Tanh", 25.0)))
    found = with_page(REPORT, Measurement("qemu", 1, None, None, instructions=(9,), by_layer=costs))
    assert "Gemm fc: 75 instructions" in found and "25, 25.0 %" in found
