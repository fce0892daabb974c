"""The text of a build outside of function bodies: lines as an export writes them, and no others.

A macro, an #if or another declaration there could change what the statements mean that the check follows.
"""

import re
from collections.abc import Iterator, Mapping

from edgekit.runtime.proof.syntax import FUNCTION, ITEMS

KINDS = "|".join(sorted(name for name in ITEMS if name.endswith("_t") or name == "float"))
ARRAY = rf"const (?:{KINDS}) \w+\[\d+\]"
ALIGNED = r"(?: __attribute__\(\(aligned\(\d+\)\)\))?"
UNION = re.compile(
    r"#ifndef (\w+_union)\n#define \1 \1\n"
    rf"union \1 \{{ unsigned char bytes\[\d+\]; (?:{KINDS}) values\[\d+\]; \}};\n#endif"
)
LISTED = re.compile(r"^const \w+ (\w+)\[(\d+)\][^{;]*= \{([^}]*)\}", re.M)
LANGUAGE = re.compile(r'#ifdef __cplusplus\n(?:extern "C" \{|\})\n#endif')
BYTES = r'^"(?:[^"\\\n]|\\[^\n])*"$'
SKIPPED = re.compile(rf"/\*.*?\*/|{BYTES}", re.M | re.S)
STRINGS = """\
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "large arrays are the bytes of a little-endian core"
#endif
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Woverlength-strings"
#endif
#ifdef __has_warning
#if __has_warning("-Wunterminated-string-initialization")
#pragma clang diagnostic ignored "-Wunterminated-string-initialization"
#endif
#elif __GNUC__ >= 15
#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"
#endif"""
OWN_HEADER = (
    '#ifndef EK_BUILD_{name}\n#error "this edgekit.h is of another build: keep the files of each build in a folder of '
    'their own"\n#endif'
)
EXTERNAL = (
    "void {name}_load_factory(void)\n{{\n    {name}_weights = factory.bytes;\n}}",
    "const unsigned char *{name}_weights = factory.bytes;",
)
PROGRAM = (
    rf"extern {ARRAY};",
    r"extern const union (\w+)_union \1_;",
    r"#define (\w+) \1_\.values",
    r"extern const unsigned char \*{name}_weights;",
    rf"#define \w+ \(\(const (?:{KINDS}) \*\)\(const void \*\)\({{name}}_weights \+ \d+\)\)",
)
HEADER = (
    r"#include <std(?:def|int)\.h>",
    r"#define {upper}_\w+ \d[\d.]*(?:e[-+]\d+)?[uf]?",
    r"typedef struct {name} {name};",
    r"typedef struct \{{",
    rf"(?:const )?(?:{KINDS}) \*\w+;",
    r"\}} {name}_\w+;",
    r"typedef int \(\*{name}_progress\)\(void \*user, int32_t done, int32_t rows\);",
)
WEIGHTS = (
    rf"(?:extern )?{ARRAY}{ALIGNED}(?:;| = \{{{{| =)",
    r"const union (\w+)_union \1_" + ALIGNED + r" = \{{",
    r"[-+/\w.(), ]*",
    r"(?:\}})?;",
    r"static const union \{{",
    r"unsigned char bytes\[\d+\];",
    r"int64_t aligned;",
    r"\}} factory = \{{",
)


def unknown_lines(files: Mapping[str, str]) -> Iterator[str]:
    """Yield each line outside of functions that no export writes, with its file."""
    for name in files:
        stem = name.removesuffix("_weights.c")
        if stem != name and f"{stem}.c" in files:
            yield from _of_program(stem, files)
            yield from _of_header(stem, files.get(f"{stem}.h", ""))
            yield from _of_weights(stem, files)
    yield from _of_macros(files["edgekit.h"])


def _of_program(stem: str, files: Mapping[str, str]) -> Iterator[str]:
    """Lines of NAME.c; each function that others may call is declared in the header."""
    text, header = files[f"{stem}.c"], files.get(f"{stem}.h", "")
    marked = SKIPPED.sub("", FUNCTION.sub("@", text))
    heads = [found[0].partition("\n{")[0] for found in FUNCTION.finditer(text)]
    if marked.count("@") != len(heads) or len({*heads}) != len(heads):
        yield f"{stem}.c: functions in a comment, or twice"
    for head in heads:
        if not head.startswith("static ") and f"{head};" not in header:
            yield f"{stem}.c: `{head}`, which {stem}.h does not declare"
    yield from _other_arrays(stem, marked, files[f"{stem}_weights.c"])
    marked = marked.replace("@", "").replace(OWN_HEADER.format(name=stem), "", 1)
    text = UNION.sub("", _without_includes(marked, files))
    yield from _unknown(f"{stem}.c", text, PROGRAM, stem)


def _other_arrays(stem: str, marked: str, weights: str) -> Iterator[str]:
    """Arrays that the program declares and the weights do not have."""
    made = {
        *re.findall(rf"^{ARRAY}", weights, re.M),
        *(found[0] for found in UNION.finditer(weights)),
    }
    declared = re.findall(rf"^extern ({ARRAY});$", marked, re.M)
    for array in (*declared, *(found[0] for found in UNION.finditer(marked))):
        if array not in made:
            yield f"{stem}.c: `{array}`, which {stem}_weights.c does not have"


def _without_includes(text: str, files: Mapping[str, str], *more: str) -> str:
    """Lines without those that include a header which is checked here."""
    own = [f"{name.removesuffix('_weights.c')}.h" for name in files if name.endswith("_weights.c")]
    for name in ("edgekit.h", *own, *more):
        text = text.replace(f'#include "{name}"\n', "")
    return text


def _of_header(stem: str, text: str) -> Iterator[str]:
    """Lines of NAME.h; prototypes are declarations that end with a parenthesis."""
    upper = stem.upper()
    text = LANGUAGE.sub("", SKIPPED.sub("", text))
    start, end = f"#ifndef {upper}_H\n#define {upper}_H\n", "#endif"
    text = text.strip().removeprefix(start).removesuffix(end)
    names = re.findall(r"#define (\w+)", text)
    if len({*names}) < len(names):
        yield f"{stem}.h: a macro that is defined twice"
    text = re.sub(r"^(?:int |void |\w+ \*)\w+\([^()]*\);", "", text, flags=re.M)
    yield from _unknown(f"{stem}.h", text, HEADER, stem)


def _of_weights(stem: str, files: Mapping[str, str]) -> Iterator[str]:
    """Lines of NAME_weights.c; the bytes of large arrays are strings."""
    text = SKIPPED.sub("", files[f"{stem}_weights.c"])
    text = _without_includes(text, files, f"{stem}_load.h")
    text = re.sub(r"[ \t]+$", "", text, flags=re.M).replace(STRINGS, "", 1)
    for array, size, numbers in LISTED.findall(text):
        if numbers.count(",") != int(size):
            yield f"{stem}_weights.c: `{array}[{size}]`, with {numbers.count(',')} numbers"
    for known in EXTERNAL:
        text = text.replace(known.format(name=stem), "", 1)
    yield from _unknown(f"{stem}_weights.c", UNION.sub("", text), WEIGHTS, stem)


def _of_macros(text: str) -> Iterator[str]:
    """Macros of edgekit.h: its own begin with EK_, others give kernels a name of the build."""
    for name, value in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(.*)", text, re.M):
        is_own = name.startswith("EK_") or name == "EDGEKIT_H"
        if not is_own and not re.fullmatch(rf" \w+_{name}", value):
            yield f"edgekit.h: `#define {name}{value}`"


def _unknown(file: str, text: str, forms: tuple[str, ...], stem: str) -> Iterator[str]:
    """Lines that have none of these forms."""
    known = [re.compile(form.format(name=stem, upper=stem.upper())) for form in forms]
    for line in map(str.strip, text.split("\n")):
        if line and not any(form.fullmatch(line) for form in known):
            yield f"{file}: `{line[:120]}`"
