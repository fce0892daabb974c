"""The ethos-u targets: the litert target's .tflite, compiled by Vela for an Ethos-U NPU.

Operators without an NPU form stay on the CPU that drives it; the manifest lists them.
"""

import csv
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgekit.base.errors import ModelError, Problem, ToolError
from edgekit.base.installation import install_extra
from edgekit.base.json_values import JsonObject
from edgekit.graph.model import Model
from edgekit.targets.build import Build, digest
from edgekit.targets.litert import check_litert, lower_litert

MODEL_NAME, COMPILED_NAME = "model.tflite", "model_vela.tflite"
FALLBACK = re.compile(
    r"Warning \(supported operators\) operator: (\S+), ofm: '(.*)'\s*(?:Reason: )?(.*)"
)
COUNTS = re.compile(r"(CPU|NPU) operators = (\d+)")
KIB = 1024
TIMEOUT_S = 600


@dataclass(frozen=True)
class Npu:
    """The accelerator that Vela compiles for.

    Attributes:
        accelerator: its name, with the multiply-accumulates in a cycle.
        system: clock and memories, of Vela's own Arm/vela.ini.
        memory: its placement of weights and tensors.
    """

    accelerator: str
    system: str
    memory: str


# by target
NPUS = {
    "ethos-u55": Npu("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "ethos-u65": Npu("ethos-u65-256", "Ethos_U65_High_End", "Dedicated_Sram"),
    "ethos-u85": Npu("ethos-u85-256", "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
}


def check_ethos_u(model: Model) -> list[Problem]:
    """Check a single network as the litert target does."""
    if model.networks:
        found, step = f"networks {', '.join(model.networks)}", "use --target litert"
        return [Problem("sampler", found, "the denoiser alone", step)]
    return check_litert(model)


def lower_ethos_u(model: Model, target: str) -> Build:
    """Return the .tflite, Vela's output for it, and Vela's estimates in the manifest's `npu`.

    Raises:
        ModelError: no operator runs on the NPU.
        ToolError: ethos-u-vela is not installed, or failed.
    """
    build = lower_litert(model, target, micro=True)
    compiled, npu = compile_for_npu(build.files[MODEL_NAME], NPUS[target])
    if npu["npu_operators"] == 0:
        found, step = "no operator runs on the NPU", "use --recipe w8a8"
        raise ModelError(Problem(f"target {target}", found, "operators in integers", step))
    files = {**build.files, COMPILED_NAME: compiled}
    manifest = replace(
        build.manifest, npu=npu, digest=digest(files), tools={"vela": vela_version()}
    )
    notes = on_cpu(npu["cpu_operators"])
    return replace(build, files=files, manifest=manifest, notes=(*build.notes, *notes))


def on_cpu(left: list[str]) -> tuple[str, ...]:
    """Say which operators the NPU leaves to the CPU."""
    if not left:
        return ()
    kinds = Counter(operator.partition(" ")[0] for operator in left)
    listed = ", ".join(kind if n == 1 else f"{n} {kind}" for kind, n in sorted(kinds.items()))
    return (f"on the CPU, not on the NPU; see `npu` in manifest.json: {listed}",)


def vela_version() -> str:
    """The version of ethos-u-vela.

    Raises:
        ToolError: it is not installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ethos-u-vela")
    except PackageNotFoundError as error:
        found = f"ethos-u-vela is not installed; {install_extra('ethos-u')}"
        raise ToolError(found) from error


def compile_for_npu(network: bytes, npu: Npu) -> tuple[bytes, JsonObject]:
    """Run Vela in a separate process; return the compiled file and the facts of its summary."""
    vela_version()
    with TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source = folder / MODEL_NAME
        source.write_bytes(network)
        command = [
            sys.executable,
            "-m",
            "ethosu.vela",
            str(source),
            "--accelerator-config",
            npu.accelerator,
            "--config",
            "Arm/vela.ini",
            "--system-config",
            npu.system,
            "--memory-mode",
            npu.memory,
            "--output-dir",
            str(folder),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, cwd=folder
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"Vela took more than {TIMEOUT_S} s") from error
        compiled = folder / COMPILED_NAME
        if done.returncode or not compiled.is_file():
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ToolError(f"Vela failed: {said[-1] if said else done.returncode}")
        (table,) = folder.glob("*_summary_*.csv")
        return compiled.read_bytes(), summary(
            table.read_text(encoding="utf-8"), done.stdout, npu.accelerator
        )


def summary(table: str, printed: str, accelerator: str) -> JsonObject:
    """Return the facts of Vela's table and output: cycles, bytes, and the operators on the CPU with the reasons."""
    (row,) = csv.DictReader(table.splitlines())
    counts = {where: int(count) for where, count in COUNTS.findall(printed)}
    left = [
        f"{kind} {name!r} ({reason.strip()})" for kind, name, reason in FALLBACK.findall(printed)
    ]
    return {
        "accelerator": accelerator,
        "system": f"{row['system_config']}, {row['memory_mode']}",
        "clock_mhz": float(row["core_clock"]) / 1e6,
        "cycles": int(row["cycles_total"]),
        "sram_bytes": round(float(row["sram_memory_used"]) * KIB),
        "flash_bytes": round(float(row["off_chip_flash_memory_used"]) * KIB),
        "npu_operators": counts.get("NPU", 0),
        "cpu_operators": left,
    }
