"""The languages that a build can have bindings for, and their names for each C type of elements."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Binding:
    """One language: its name, as given to ``--bindings``, and its types by that of an array in C."""

    name: str
    types: dict[str, str]


CPP = {
    "float": "float",
    "int8_t": "std::int8_t",
    "uint8_t": "std::uint8_t",
    "int16_t": "std::int16_t",
    "int32_t": "std::int32_t",
    "int64_t": "std::int64_t",
}
RUST = {
    "float": "f32",
    "int8_t": "i8",
    "uint8_t": "u8",
    "int16_t": "i16",
    "int32_t": "i32",
    "int64_t": "i64",
}
BINDINGS = {row.name: row for row in (Binding("cpp", CPP), Binding("rust", RUST))}
