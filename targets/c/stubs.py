"""The integer kernels that exist for several element types: one row each, and the files made from it.

The code of such a kernel is a header over macros. Each of its forms is a file of
``runtime/src/portable/generated`` that sets them, and a prototype in ``edgekit.h``. ``make kernels`` writes both from
`FAMILIES`; a test holds the tree to them.

The last section of ``edgekit.h`` is generated as well: comments and prototypes of kernels with a comment right above
their definition, as new ones have. The sections before it document their kernels themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from edgekit.targets.c.packing.weights import INT4, SPARSE

RUNTIME = Path(__file__).parents[2] / "runtime"
PORTABLE = RUNTIME / "src" / "portable"
GENERATED = PORTABLE / "generated"
COLUMNS = 118
DEFINE = re.compile(r"^#define (EK_\w+) ?((?:.*\\\n)*.*)$", re.MULTILINE)
DEFINITION = re.compile(r"^void EK_NAME\(([^)]*)\)", re.MULTILINE)
COMMENTED = re.compile(
    r"^(/\*(?:(?!\*/).)*\*/\n)void (\w+)\(([^)]*)\)\n\{", re.MULTILINE | re.DOTALL
)
SECTION = f"/* ---- kernels that their own files document {'-' * 68} */\n"
END = "#ifdef __cplusplus\n}\n#endif\n\n#endif\n"


@dataclass(frozen=True)
class Element:
    """An element type.

    Attributes:
        name: in kernels' names.
        c: in C, as an ``Element`` is written in a stub.
        low: its smallest value.
        high: its largest.
        sum: the C type of sums of products with int8 weights.
        sum_name: that type in kernels' names.
        from_zero: the C type of a value less its zero point.
        product: the C type of that times a weight.
        of_state: how an int16 state ``v`` becomes an operand of this type.
    """

    name: str
    c: str
    low: int
    high: int
    sum: str
    sum_name: str
    from_zero: str
    product: str
    of_state: str

    def __str__(self) -> str:
        return self.c

    @property
    def upper(self) -> str:
        """The name in macros."""
        return self.name.upper()


ELEMENTS = {
    "s8": Element(
        name="s8",
        c="int8_t",
        low=-128,
        high=127,
        sum="int32_t",
        sum_name="s32",
        from_zero="int16_t",
        product="int16_t",
        of_state="ek_saturate_s8(((v) + 128) >> 8)",
    ),
    "s16": Element(
        name="s16",
        c="int16_t",
        low=-32768,
        high=32767,
        sum="int64_t",
        sum_name="s64",
        from_zero="int32_t",
        product="int64_t",
        of_state="(v)",
    ),
}


@dataclass(frozen=True)
class Family:
    """A kernel and its forms.

    Attributes:
        name: ``ek_<op>``.
        forms: their element types: ``s8_s16`` reads int8 and writes int16, ``s16`` does both on int16. For a recurrent
            cell they are its input, and the operand of its recurrent product.
        stub: the file of a form, after the definition of EK_NAME; ``{x}`` and ``{y}`` are its two `Element`.
        tail: the end of its forms' names: `INT4` where weights are int4, `SPARSE` where they are N:M sparse.
        host: the family whose files contain its functions, as ``EK_PATH(<word>)``, where it has no files. Such
            functions compute the same in other ways, on some instruction sets (`edgekit.targets.c.packing.conv_paths`).
    """

    name: str
    forms: tuple[str, ...]
    stub: str
    tail: str = ""
    host: str = ""

    @property
    def kernels(self) -> dict[str, tuple[Element, Element]]:
        """The two element types of every form, by its kernel's name."""
        tail = f"_{self.tail}" if self.tail else ""
        types = {form: [ELEMENTS[name] for name in form.split("_")] for form in self.forms}
        return {f"{self.name}_{form}{tail}": (t[0], t[-1]) for form, t in types.items()}

    def path(self, word: str, *forms: str) -> "Family":
        """Another way to compute some forms, ``ek_<op>_<word>``, in the same files."""
        return replace(self, name=f"{self.name}_{word}", forms=forms, host=self.name)

    def file_of(self, kernel: str) -> str:
        """The name of the file that has a form."""
        return f"{kernel.replace(self.name, self.host or self.name, 1)}.c"

    def file(self, kernel: str) -> str:
        """The text of the form's file."""
        x, y = self.kernels[kernel]
        return f"#define EK_NAME {kernel}\n" + self.stub.format(x=x, y=y)


MIXED = ("s8_s8", "s8_s16", "s16_s16", "s16_s8")
KEPT = ("s8", "s16", "s16_s8")
WIDE = ("s16", "s16_s8")
NARROW = ("s8_s8", "s8_s16")
CONV = Family(
    "ek_conv",
    MIXED,
    """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#define EK_PATH(path) ek_conv_##path##_{x.name}_{y.name}
#define EK_DOTS ek_dots_{x.name}
#define EK_TERM(x, zero, w) (({x.product})(({x.from_zero})((x) - (zero)) * (w)))
#include "ek_conv_w8.h"
""",
)
CONV_INT4 = Family(
    "ek_conv",
    MIXED,
    """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#define EK_PATH(path) ek_conv_##path##_{x.name}_{y.name}_w4
#define EK_DOTS ek_dots_{x.name}_w4
#define EK_TERM(x, zero, w) (({x.product})(({x.from_zero})((x) - (zero)) * (w)))
#define EK_AT(w, i) ek_int4((w), (i))
#define EK_SPAN(n) EK_BYTES_W4(n)
#include "ek_int4.h"
#include "ek_conv_w4.h"
""",
    tail=INT4,
)
CONV_TRANSPOSE = Family(
    "ek_conv_transpose",
    MIXED,
    """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#define EK_PATH(path) ek_conv_transpose_##path##_{x.name}_{y.name}
#define EK_TERM(x, zero, w) (({x.product})(({x.from_zero})((x) - (zero)) * (w)))
#include "ek_conv_transpose_w8.h"
""",
)
FAMILIES = (
    *(
        Family(
            f"ek_{name}",
            MIXED,
            f"""\
#define EK_X {{x}}
#define EK_BIAS {{x.sum}}
#define EK_Y {{y}}
#define EK_PRODUCT ek_rows_{{x.name}}
#define EK_BYTES EK_BYTES_{{x.upper}}
#define EK_OUTPUT ek_outputs_{{x.sum_name}}_{{y.name}}
#include "ek_{name}_int.h"
""",
        )
        for name in ("fc", "frame_fc")
    ),
    Family(
        "ek_fc",
        MIXED,
        """\
#define EK_X {x}
#define EK_BIAS {x.sum}
#define EK_Y {y}
#define EK_PRODUCT ek_rows_{x.name}_w4
#define EK_BYTES EK_ROW_BYTES_W4
#define EK_OUTPUT ek_outputs_{x.sum_name}_{y.name}
#include "ek_rows_w4.h"
#include "ek_fc_int.h"
""",
        tail=INT4,
    ),
    Family(
        "ek_fc",
        MIXED,
        """\
#define EK_X {x}
#define EK_BIAS {x.sum}
#define EK_Y {y}
#define EK_PRODUCT ek_sparse_{x.name}
#define EK_FROM(w, o, k) (w), (o)
#define EK_OUTPUT ek_outputs_{x.sum_name}_{y.name}
#include "ek_rows_sparse.h"
#include "ek_fc_int.h"
""",
        tail=SPARSE,
    ),
    Family(
        "ek_conv",
        MIXED,
        """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#include "ek_conv_sparse.h"
""",
        tail=SPARSE,
    ),
    CONV,
    CONV.path("positions", *MIXED),
    CONV.path("bands", *MIXED),
    CONV.path("points", *NARROW),
    CONV.path("planes", *NARROW),
    CONV.path("strips", *NARROW),
    CONV_INT4,
    CONV_INT4.path("positions", *MIXED),
    CONV_INT4.path("bands", *MIXED),
    CONV_INT4.path("points", *NARROW),
    CONV_TRANSPOSE,
    CONV_TRANSPOSE.path("runs", *NARROW),
    CONV_TRANSPOSE.path("strips", *NARROW),
    Family(
        "ek_conv_transpose",
        MIXED,
        """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#define EK_TERM(x, zero, w) (({x.product})(({x.from_zero})((x) - (zero)) * (w)))
#define EK_AT(w, i) ek_int4((w), (i))
#include "ek_int4.h"
#include "ek_conv_transpose_int.h"
""",
        tail=INT4,
    ),
    Family(
        "ek_frames",
        MIXED,
        """\
#define EK_X {x}
#define EK_ACC {x.sum}
#define EK_Y {y}
#define EK_OUTPUT ek_outputs_{x.sum_name}_{y.name}
#include "ek_frames_int.h"
""",
    ),
    *(
        Family(
            f"ek_{name}",
            MIXED,
            f"""\
#define EK_X {{x}}
#define EK_SUM {{x.sum}}
#define EK_Y {{y}}
#include "ek_{name}_int.h"
""",
        )
        for name in ("matmul", "frame_sums")
    ),
    Family(
        "ek_frame_dots",
        MIXED,
        """\
#define EK_X {x}
#define EK_SUM {x.sum}
#define EK_Y {y}
#define EK_DOTS ek_from_zero_{x.name}
#include "ek_frame_dots_int.h"
""",
    ),
    *(
        Family(
            f"ek_{cell}",
            ("s8_s8", "s8_s16", "s16_s8", "s16_s16"),
            f"""\
#define EK_X {{x}}
#define EK_H {{y}}
#define EK_W_SUM {{x.sum}}
#define EK_R_SUM {{y.sum}}
#define EK_W {{x.upper}}{f"_{tail.upper()}" if tail else ""}
#define EK_R {{y.upper}}{f"_{tail.upper()}" if tail else ""}
#define EK_NARROW(v) {{y.of_state}}
{'#include "ek_rows_sparse.h"' + chr(10) if tail == SPARSE else ""}#include "ek_{cell}_int.h"
""",
            tail=tail,
        )
        for cell in ("gru", "lstm")
        for tail in ("", INT4, SPARSE)
    ),
    Family(
        "ek_max_pool",
        ("s8", "s16"),
        """\
#define EK_T {x}
#define EK_Y {y}
#define EK_ACC {x}
#define EK_BEFORE
#define EK_BEHIND
#define EK_START {x.low}
#define EK_ADD(acc, v) ((v) > (acc) ? (v) : (acc))
#define EK_RESULT(acc) (acc)
#define EK_POOL_MAX
#include "ek_pool.h"
""",
    ),
    Family(
        "ek_avg_pool",
        KEPT,
        """\
#define EK_T {x}
#define EK_Y {y}
#define EK_ACC {x.sum}
#include "ek_avg_pool_int.h"
""",
    ),
    Family(
        "ek_requantize",
        ("s8_s8", "s8_s16", "s16_s8", "s16_s16"),
        """\
#define EK_X {x}
#define EK_Y {y}
#include "ek_requantize_int.h"
""",
    ),
    Family(
        "ek_prelu",
        KEPT,
        """\
#define EK_X {x}
#define EK_Y {y}
#define EK_MIN {y.low}
#define EK_MAX {y.high}
#include "ek_prelu_int.h"
""",
    ),
    *(
        Family(
            f"ek_{name}",
            KEPT,
            f"""\
#define EK_X {{x}}
#define EK_Y {{y}}
#include "ek_{name}_int.h"
""",
        )
        for name in ("add", "mul")
    ),
    *(
        Family(
            f"ek_{name}",
            WIDE,
            f"""\
#define EK_Y {{y}}
#include "ek_{name}_int.h"
""",
        )
        for name in (
            "magnitude",
            "product_sum",
            "mean_square",
            "layernorm",
            "instancenorm",
            "softmax",
        )
    ),
)


def forms(*names: str) -> list[str]:
    """The kernels of some families, with int8, int4 and sparse weights."""
    return [kernel for family in FAMILIES if family.name in names for kernel in family.kernels]


def form(name: str, x: str, y: str, tail: str = "") -> str:
    """Return the kernel of a family for two element types; LookupError without one."""
    for family in FAMILIES:
        if (family.name, family.tail) == (name, tail):
            for kernel, types in family.kernels.items():
                if tuple(element.name for element in types) == (x, y):
                    return kernel
    raise LookupError(
        f"{name} has no form for {x} and {y}{f' with {tail} weights' if tail else ''}"
    )


def stubs() -> dict[str, str]:
    """The text of every file of ``runtime/src/portable/generated``, by its name."""
    return {
        f"{kernel}.c": family.file(kernel)
        for family in FAMILIES
        if not family.host
        for kernel in family.kernels
    }


@cache
def hosts() -> dict[str, str]:
    """Return the file of every kernel that has none with its name."""
    rows = (family for family in FAMILIES if family.host)
    return {kernel: family.file_of(kernel) for family in rows for kernel in family.kernels}


def with_prototypes(header: str) -> str:
    """The text of ``edgekit.h`` with the prototypes of all forms, and its last section."""
    by_hand = header.removesuffix(END).partition(SECTION)[0].rstrip() + "\n"
    documented = _documented_kernels(by_hand)
    for family in FAMILIES:
        made = "".join(f"{_prototype(family, kernel)}\n" for kernel in family.kernels)
        names = "|".join(family.kernels)
        parts = re.split(rf"(?:^void (?:{names})\([^)]*\);\n)+", by_hand, flags=re.MULTILINE)
        if len(parts) == 2:
            by_hand = made.join(parts)
        else:
            text = "\n".join(_included_headers(family.file(next(iter(family.kernels)))))
            comments = [
                comment for comment, name, _ in COMMENTED.findall(text) if name == "EK_NAME"
            ]
            if len(parts) > 2 or not comments:
                raise LookupError(f"{family.name}: no comment above EK_NAME in its header")
            documented[family.name] = comments[0] + made
    section = [SECTION, *(documented[name] for name in sorted(documented))] if documented else []
    return "\n".join([by_hand, *section, END])


def _documented_kernels(by_hand: str) -> dict[str, str]:
    """Comment and prototype of the kernels that their own files document, and the header by hand does not declare."""
    found = {}
    for path in PORTABLE.rglob("ek_*.c"):
        for comment, name, arguments in COMMENTED.findall(path.read_text(encoding="utf-8")):
            if name == path.stem and f"void {name}(" not in by_hand:
                found[name] = f"{comment}{_declaration(name, arguments)}\n"
    return found


def _prototype(family: Family, kernel: str) -> str:
    """The head of the definition in the family's header, with the macros of a stub in it."""
    text = "\n".join([family.file(kernel), *_included_headers(family.file(kernel))])
    (arguments,) = DEFINITION.findall(text)
    macros = {name: body.replace("\\\n", " ") for name, body in DEFINE.findall(text)}
    while found := re.search(r"\bEK_\w+", arguments):
        arguments = arguments.replace(found[0], macros[found[0]])
    return _declaration(kernel, arguments)


def _declaration(kernel: str, arguments: str) -> str:
    parts = re.sub(r"\brestrict ", "", arguments).replace("*restrict", "*").split(",")
    return _wrap_prototype(f"void {kernel}(", [" ".join(part.split()) for part in parts])


def _included_headers(text: str) -> list[str]:
    """Return the headers next to the kernels that a file includes, and those that they include."""
    names = re.findall(r'#include "(ek_\w+\.h)"', text)
    found = [path.read_text(encoding="utf-8") for name in names for path in PORTABLE.rglob(name)]
    return found + [inner for header in found for inner in _included_headers(header)]


def _wrap_prototype(head: str, parts: Sequence[str]) -> str:
    *others, last = parts
    lines = [head]
    for part in [*(f"{part}," for part in others), f"{last});"]:
        space = "" if lines[-1] == head else " "
        if len(lines[-1] + space + part) > COLUMNS:
            lines.append(" " * len(head) + part)
        else:
            lines[-1] += space + part
    return "\n".join(lines)


def write() -> None:
    """Write the stubs and the prototypes into the tree."""
    header = RUNTIME / "include" / "edgekit.h"
    made = {GENERATED / name: text for name, text in stubs().items()}
    made[header] = with_prototypes(header.read_text(encoding="utf-8"))
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
