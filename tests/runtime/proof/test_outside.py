"""The check of a proof reads what stands outside of functions."""

import pytest
from proof_programs import problems_of, texts

from edgekit.runtime.proof.outside import unknown_lines

INCLUDE = '#include "edgekit.h"\n'
ARRAY = "extern const int8_t spectral_input_w[289];"
EDITS = {
    "a macro in the program": ("c", INCLUDE, f"{INCLUDE}#define ek_sqrt_f32 ek_finite_f32\n"),
    "a condition in the program": ("c", "int spectral_process(", "#if 0\nint spectral_process("),
    "another include": ("c", INCLUDE, f'{INCLUDE}#include "other.h"\n'),
    "a comment around a function": ("c", "int spectral_process(", "/*\nint spectral_process("),
    "an array of another type": ("c", ARRAY, ARRAY.replace("int8_t", "int16_t")),
    "an array of another size": ("c", ARRAY, ARRAY.replace("289", "290")),
    "a variable": ("c", ARRAY, f"{ARRAY}\nstatic int32_t seen;"),
    "a macro in the header": (
        "h",
        "#include <stdint.h>\n",
        "#include <stdint.h>\n#define float double\n",
    ),
    "an include in the header": ("h", "<stdint.h>", "<math.h>"),
    "a condition in the header": ("h", "typedef struct {", "#if 0\ntypedef struct {"),
    "a size twice": (
        "h",
        "#define SPECTRAL_ALIGN",
        "#define SPECTRAL_STATE_BYTES 8u\n#define SPECTRAL_ALIGN",
    ),
    "a prototype less": ("h", "int spectral_check(const spectral *net);\n", ""),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_line_that_no_export_writes_is_refused(name: str) -> None:
    file, old, new = EDITS[name]
    assert problems_of("spectral-w8a8", (old, new), file=file)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("spectral_weights.c", INCLUDE, f"{INCLUDE}#define spectral_input_w spectral_input_v\n"),
        ("spectral_weights.c", "const int8_t", "volatile const int8_t"),
        ("edgekit.h", "#include <stddef.h>\n", "#include <stddef.h>\n#define memcpy(a, b, c) 0\n"),
        ("edgekit.h", "spectral_ek_sqrt_f32", "spectral_ek_stft_f32"),
    ],
)
def test_macros_that_rename_are_refused(file: str, old: str, new: str) -> None:
    files = dict(texts("spectral-w8a8"))
    assert old in files[file]
    files[file] = files[file].replace(old, new, 1)
    (line,) = unknown_lines(files)
    assert line.startswith(file)
