"""Networks that others designed run whole: golden model, C simulation and RTL with DRAM agree in each byte."""

from pathlib import Path

import pytest
from engines import fpga_zoo
from fpga_hls import needs_cxx
from fpga_rtl import needs_verilator


@pytest.mark.slow
@needs_cxx
@needs_verilator
@pytest.mark.parametrize("name", fpga_zoo.NETWORKS)
def test_whole_networks_that_others_designed(name: str, tmp_path: Path) -> None:
    row = fpga_zoo.run(name, 8, "XCZU3EG", "w8a8", tmp_path)
    assert row.simulated.endswith(" 0 differ")
    assert row.compared > 0 and row.different == 0
