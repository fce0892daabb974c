"""TFLM with the kernels of CMSIS-NN, compiled from checkouts of the user's, as an engine of `device_engines.py`."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from layers.device_engines import NETWORK, TEMPLATES, Case, Program, check_checkouts

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.runtime.devices.profile import Profile

CHECKOUTS = {  # the repository, and a file that tells it
    "tflm": ("tensorflow/tflite-micro", "tensorflow/lite/micro/micro_interpreter.cc"),
    "cmsis-nn": ("ARM-software/CMSIS-NN", "Include/arm_nnfunctions.h"),
    "flatbuffers": ("google/flatbuffers", "include/flatbuffers/flatbuffers.h"),
    "gemmlowp": ("google/gemmlowp", "fixedpoint/fixedpoint.h"),
    "ruy": ("google/ruy", "ruy/profiler/instrumentation.h"),
}
MICRO = "tensorflow/lite/micro"
KERNELS = f"{MICRO}/kernels"
RESOLVER = f"{MICRO}/micro_mutable_op_resolver.h"
# As the makefiles of TFLM have them for a release: without texts of errors and without checks of itself.
OPTIONS = (
    *("-fno-exceptions", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-fno-rtti", "-fno-threadsafe-statics", "-w", "-DNDEBUG", "-DTF_LITE_STRIP_ERROR_STRINGS"),
    *("-DTF_LITE_STATIC_MEMORY", "-DCMSIS_NN", "-DKERNELS_OPTIMIZED_FOR_SPEED"),
    "-DFLATBUFFERS_LOCALE_INDEPENDENT=0",
)
FLOATS = ("_f16.c", "_f32.c", "_flt.c")  # of CMSIS-NN, which TFLM leaves out
ARENA_BYTES = 300 * 1024


@dataclass(frozen=True)
class Tflm:
    """The interpreter, with the operators of the file alone; its kernels for int8 alone where they are in int8.

    Attributes:
        checkouts: the folders, by the names of `CHECKOUTS`.
    """

    checkouts: Mapping[str, Path]
    name = "TFLM + CMSIS-NN"

    def check(self) -> None:
        """Check that the folders are checkouts.

        Raises:
            UsageError: all that are not.
        """
        rows = [(f"--{key}", self.checkouts[key], *facts) for key, facts in CHECKOUTS.items()]
        check_checkouts(rows)

    def write(self, case: Case, device: Profile) -> Program:
        """See `Engine`."""
        registrations = self._registrations(case)
        variables = sum(operator.builtin == "VAR_HANDLE" for operator in case.graph.operators)
        template = (TEMPLATES / "engine_tflm.cc").read_text(encoding="utf-8")
        added = [
            f"resolver->{self._methods[operator][0]}(Registered<{i}>::From(tflite::{name}()))"
            for i, (operator, name) in enumerate(registrations.items())
        ]
        text = template.format(
            count=len(added),
            arena=ARENA_BYTES,
            variables=variables,
            operators="\n".join(f"    problems += {call} != kTfLiteOk;" for call in added),
        )
        kernels = {self._registers[name] for name in registrations.values()}
        root = self.checkouts["tflm"]
        vectors = sorted((self.checkouts["cmsis-nn"] / "Source").rglob("*.c"))
        return Program(
            {"engine_tflm.cc": text.encode(), f"{NETWORK}.tflite": case.data},
            case.feeds,
            [int(np.prod(t.shape)) * np.dtype(t.dtype).itemsize for t in case.outputs],
            [
                *(root / name for name in self._sources(text, kernels)),
                *(path for path in vectors if not path.name.endswith(FLOATS)),
            ],
            [root, *(self.checkouts[key] / folder for key, folder in HEADERS)],
            OPTIONS,
            ("-specs=nosys.specs", "-lm", "-Wl,--defsym=end=replay_stack_end"),
            [operator.builtin for operator in case.graph.operators],
        )

    def read(self, case: Case, made: Sequence[bytes]) -> list[Array]:
        """See `Engine`."""
        return [
            np.frombuffer(content, held.dtype).reshape(held.shape)
            for held, content in zip(case.outputs, made, strict=True)
        ]

    def _registrations(self, case: Case) -> dict[str, str]:
        """Return the operators of all graphs, each with its registration: that for int8 alone where it is in int8.

        Raises:
            ModelError: the interpreter lacks some.
        """
        types: dict[str, set[str]] = {}
        for graph in case.content.graphs:
            for operator in graph.operators:
                held = graph.tensors[operator.inputs[0]].dtype if operator.inputs else ""
                types.setdefault(operator.builtin, set()).add(held)
        allowed, step = ", ".join(sorted(self._methods)), "leave the file out"
        problems = [
            Problem(f"{case.name}, {name}", "an operator that TFLM lacks", allowed, step)
            for name in types
            if name not in self._methods
        ]
        if problems:
            raise ModelError(problems)
        return {
            name: special
            if kinds == {"int8"} and (special := f"Register_{name}_INT8") in self._registers
            else self._methods[name][1]
            for name, kinds in types.items()
        }

    @cached_property
    def _methods(self) -> dict[str, tuple[str, str]]:
        """The methods of the resolver that take a registration, and the usual one, by operator."""
        found = re.findall(
            r"TfLiteStatus (Add\w+)\([^{]*registration =\s*(?:tflite::)?(Register_\w+)\(\)\)"
            r"\s*\{\s*return AddBuiltin\(\s*BuiltinOperator_(\w+)",
            self._text(RESOLVER),
        )
        return {operator: (method, usual) for method, usual, operator in found}

    @cached_property
    def _registers(self) -> dict[str, str]:
        """The sources that define registrations, by the name of these; those of CMSIS-NN first."""
        root, found = self.checkouts["tflm"], {}
        for folder in (f"{KERNELS}/cmsis_nn", KERNELS):
            for path in sorted((root / folder).glob("*.cc")):
                names = re.findall(
                    r"^TFLMRegistration\*? (Register_\w+)\(", path.read_text("utf-8"), re.M
                )
                for name in names if not path.stem.endswith("_test") else ():
                    found.setdefault(name, f"{folder}/{path.name}")
        return found

    def _sources(self, text: str, known: set[str]) -> list[str]:
        """Return some sources, and those that belong to the headers that these or `text` include, and so on."""
        texts = [text, *map(self._text, known)]
        while texts:
            for header in re.findall(r'#include "((?:tensorflow|signal)/[^"]+\.h)"', texts.pop()):
                names = {header, *self._companions(header)}
                added = {name for name in names - known if self._has(name)}
                known |= added
                texts += map(self._text, added)
        return sorted(name for name in known if name.endswith(".cc"))

    def _companions(self, header: str) -> list[str]:
        """Return where a header's functions may be defined: those of kernels in CMSIS-NN's form where it has one."""
        stem = header.removesuffix(".h")
        own = f"{KERNELS}/cmsis_nn/{Path(stem).name}.cc"
        is_own = stem.startswith(KERNELS) and self._has(own)
        return [own if is_own else f"{stem}.cc", f"{stem}_common.cc"]

    def _text(self, name: str) -> str:
        return (self.checkouts["tflm"] / name).read_text(encoding="utf-8")

    def _has(self, name: str) -> bool:
        return (self.checkouts["tflm"] / name).is_file()


HEADERS = (
    ("flatbuffers", "include"),
    ("gemmlowp", ""),
    ("ruy", ""),
    ("cmsis-nn", ""),
    ("cmsis-nn", "Include"),
)


def library_functions(functions: Mapping[str, int]) -> Counter[str]:
    """Return the functions of CMSIS-NN among those that ran, with their instructions."""
    return Counter({name: n for name, n in functions.items() if name.startswith("arm_")})
