"""Makes docs/reference/options.md, the keywords of Python's verbs beside the flags, of the rows that declare both.

python docs/make_options.py > docs/reference/options.md
"""

from inspect import cleandoc

from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.option_checks import type_text
from edgekit.verbs.export.options import (
    DeployOptions,
    ExportOptions,
    NetworkOptions,
    QuantizeOptions,
    StreamOptions,
)

VERBS = {
    "deploy": DeployOptions,
    "export": ExportOptions,
    "stream": StreamOptions,
    "quantize": QuantizeOptions,
    "finetune": NetworkOptions,
}
INTRODUCTION = """
    # Keywords

    Made by `python docs/make_options.py > docs/reference/options.md`.

    The keywords of `edgekit.deploy`, and of `export`, `stream`, `quantize` and `finetune` in `edgekit.api`, with the
    flag of the command line that says the same. Other arguments, such as `target`, are in [Python](api.md).
"""


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page() -> str:
    """The text of the page."""
    rows = option_specs(ExportOptions)
    verbs = {verb: option_specs(options).keys() for verb, options in VERBS.items()}
    lines = [
        cleandoc(INTRODUCTION),
        "",
        "| keyword | flag | type | meaning | of |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        of = ", ".join(verb for verb, names in verbs.items() if name in names)
        kind = type_text(row.type).replace(" | ", " or ")
        help_text = row.flag.help.replace("; repeatable.", ".").replace("|", "\\|")
        lines.append(f"| `{name}` | `{row.flag_name}` | `{kind}` | {help_text} | {of} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
