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
    "inspect": StreamOptions,
    "quantize": QuantizeOptions,
    "finetune": NetworkOptions,
}
INTRODUCTION = """
    # Keywords in Python, with their flags

    Made by `python docs/make_options.py > docs/reference/options.md`.

    The keywords of `edgekit.deploy`, and of `export`, `stream`, `inspect`, `quantize` and `finetune` in `edgekit.api`,
    with the flag of the command line that says the same. Other arguments, such as `target`, are in [Python](api.md).
"""


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page() -> str:
    """The text of the page: a section for each group of verbs that share keywords."""
    verbs = {verb: option_specs(options).keys() for verb, options in VERBS.items()}
    sections = dict[str, list[str]]()
    for name, row in option_specs(ExportOptions).items():
        takers = ", ".join(f"`{verb}`" for verb, names in verbs.items() if name in names)
        kind = type_text(row.type).replace(" | ", " or ")
        meaning = row.flag.help.replace("; repeatable.", ".")
        sections.setdefault(takers, []).append(
            f"- `{name}` (`{row.flag_name}`): {meaning} `{kind}`"
        )
    parts = [f"## {takers}\n\n" + "\n".join(lines) for takers, lines in sections.items()]
    return "\n\n".join([cleandoc(INTRODUCTION), *parts]) + "\n"


if __name__ == "__main__":
    main()
