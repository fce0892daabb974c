"""Write the tables of docs/reference/devices.md: instruction sets, and what the bundled denoiser costs on each core.

python docs/make_devices.py              # instruction sets, from targets/instruction_sets.py
python docs/make_devices.py --denoiser   # also counts instructions under QEMU, some minutes
"""

import argparse
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgekit import api
from edgekit.base.npz import read_npz
from edgekit.demos.show_denoise import CLIPS, NETWORK
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count, replay
from edgekit.targets.build_files import read_model, write_build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.replay.files import golden_source
from edgekit.targets.devices import profile, profiles
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, InstructionSet
from edgekit.verbs.export.finish import with_code_bytes

PAGE = Path(__file__).parent / "reference" / "devices.md"
SETS = "| kernels | instruction set | run by tests and bench |"
DENOISER = "| core | instructions of the longest hop | code bytes | modelled ms of a hop of 8 ms |"
HOPS = 8


def with_table(text: str, head: str, rows: Iterable[str]) -> str:
    """Return a page with the table under `head` made anew."""
    table = re.compile(rf"(?<={re.escape(head)}\n)(?:\|.*\n)+")
    (_,) = table.findall(text)
    made = "\n".join([f"|{'---|' * (head.count('|') - 1)}", *rows]) + "\n"
    return table.sub(lambda _: made, text)


def page(text: str) -> str:
    """Return the page with its table of instruction sets made anew."""
    rows = [f"| `{row.name}` | {row.what} | {_run(row)} |" for row in INSTRUCTION_SETS.values()]
    return with_table(text, SETS, rows)


def _run(row: InstructionSet) -> str:
    here = [f"on {row.machine} CPUs with {', '.join(row.cpu)}"] if row.cpu else []
    return "; ".join([*here, *([f"emulated, as `{row.emulated}`"] if row.emulated else [])])


def denoiser_rows() -> Iterator[str]:
    """Yield a row for each core: the bundled denoiser at w8a8, whose golden hops pass there."""
    with tempfile.TemporaryDirectory() as name:
        portable = Path(name) / "portable"
        frontend = "stft:512:128:sqrt_hann:logpow"
        options = {"recipe": "w8a8", "calibration": str(CLIPS / "calibration"), "hop": 128}
        api.export(str(NETWORK), "c99", portable, frontend=frontend, sample_rate=16000, **options)  # type: ignore[arg-type]
        model = read_model(portable)
        inputs, outputs = (read_npz(portable / "golden" / f"{n}.npz") for n in ("input", "output"))
        for core, device in profiles().items():
            if not device.is_cross:
                continue
            folder = Path(name) / core
            folder.mkdir()
            build = write_build(lower_c(model, core), folder)
            golden = golden_source(build, build.manifest, model, inputs, outputs, device)
            (folder / "replay" / "golden.c").write_bytes(golden)
            compile_replay(folder, device, folder / "program")
            replay(device, folder / "program")
            counted = [f"-DREPLAY_COUNTED_HOPS={HOPS}"]
            compile_replay(folder, device, folder / "program", counted)
            executed = count(device, folder / "program")
            longest, each = max(executed.hops), device.cycles_of(executed.kinds)
            code = with_code_bytes(build.manifest, folder, profile(core)).memory["code_bytes"]
            assert device.clock_hz and each
            ms = longest * each * 1e3 / device.clock_hz
            at = f"at {device.clock_hz / 1e6:,.0f} MHz"
            yield f"| `{core}` | {longest:,} | {code:,} | {ms:.2g} {at} |"
            print(core, longest, flush=True)


def main() -> None:
    """Write the page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--denoiser", action="store_true")
    text = page(PAGE.read_text(encoding="utf-8"))
    if asked.parse_args().denoiser:
        text = with_table(text, DENOISER, denoiser_rows())
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
