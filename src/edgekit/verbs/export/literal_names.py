"""Names that options take, for type checkers and editors; each list equals the table that it is of, by a test."""

from typing import Literal

TargetName = Literal[
    "host",
    "c99",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "cortex-m85",
    "cortex-a53",
    "cortex-a76",
    "cortex-a7",
    "riscv64",
    "riscv64-v",
    "cortex-m0plus",
    "riscv32imc",
    "wasm",
    "onnxruntime",
    "litert",
    "executorch",
    "ethos-u55",
    "ethos-u65",
    "ethos-u85",
    "fpga",
]
RecipeName = Literal["float32", "float16", "w8a8", "w8a16", "w4a8", "auto"]
PluginName = Literal["lv2", "clap"]
BindingName = Literal["cpp", "rust"]
PartName = Literal["XCZU3EG", "XC7Z020", "LFE5UM5G-85F"]
GoalName = Literal["fps", "small"]
DatapathName = Literal["rtl", "hls"]
WeightsName = Literal["inside", "external"]
