"""A deformable convolution of integers."""

from pathlib import Path

import pytest
from c_kernels import needs_cc
from fpga_networks import calibration
from slices import slow_except

from edgekit import api
from edgekit.base.npz import read_npz, write_npz
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.verbs.export.importing import ImportOptions, load_model


@needs_cc
@pytest.mark.parametrize("name", slow_except(lambda name: name == "square", ["rounded", "square"]))
def test_c_equals_the_oracle_and_is_close_to_float(name: str, tmp_path: Path) -> None:
    model = load_model(f"deform_networks:{name}", ImportOptions()).model
    clips = {"x": calibration(model, 24).clips[0]["x"]}
    (tmp_path / "clips").mkdir()
    write_npz(tmp_path / "clips" / "a.npz", clips)
    folder = tmp_path / "build"
    exported = api.export(
        f"deform_networks:{name}",
        "host",
        folder,
        recipe="w8a8",
        calibration=str(tmp_path / "clips"),
    )
    verified = exported.manifest.verification
    assert verified is not None and verified["bit_exact_with_oracle"]
    api.run(folder, tmp_path / "clips" / "a.npz", tmp_path / "out.npz")
    (found,) = read_npz(tmp_path / "out.npz").values()
    (reference,) = run_hops(model, clips).values()
    assert snr_db(reference, found) > 15  # some d move by one: s is of 8-bit operands
