"""Measures of the prose that users read, held by `tests/test_prose.py`; ``python tests/prose.py`` prints a row a page.

A sentence ends with a full stop, a question mark or an exclamation mark, or with its paragraph, list item, heading or
table cell. A colon and a semicolon do not end one. A word is what stands between spaces; code between backticks is one
word. Table cells of fewer than eight words are no sentences.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structure

ROOT = Path(__file__).parent.parent
MOST_WORDS, LONGEST, LONG, SHARE_PERCENT = 1800, 40, 25, 90
SHORTEST_CELL = 8
FIRST_LINES = 3  # in which a page says that a command made it
GENERATED = re.compile(r"^Made by `", re.MULTILINE)
ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|et al|vs|cf|approx|Fig|Eq|No)\.(?= )")
CODE_BLOCK = re.compile(
    r"^([ ]*)(```|~~~).*?^\1\2[ ]*$|<!--.*?-->|^\$\$.*?^\$\$", re.MULTILINE | re.DOTALL
)
# what shows its texts to users, and words that are not ours
SHOWN = ("Problem", "UsageError", "CheckFailed", "ToolError", "Flag", "Option", "Argument")
COINED = re.compile(
    r"\b(mend\w*|beside|behind|is told|are told|hears?|heard|what is no)\b", re.IGNORECASE
)
OF_CHECKOUT = re.compile(r"\bdocs/|\.md\b")  # what an install does not have
END = re.compile(r"(?<=[.?!])[\"')\]*_]*\s+(?=[\"'(\[*_`]*[A-Z0-9`])")


@dataclass(frozen=True)
class Page:
    """A page's measures: sentences by their number of words."""

    path: Path
    sentences: tuple[str, ...]

    @property
    def lengths(self) -> list[int]:
        """Words of each sentence."""
        return [count_words(sentence) for sentence in self.sentences]

    @property
    def words(self) -> int:
        """Words of the page, without code blocks."""
        return sum(self.lengths)

    @property
    def short_percent(self) -> float:
        """The share of sentences of at most `LONG` words."""
        lengths = self.lengths
        return 100 * sum(length <= LONG for length in lengths) / max(1, len(lengths))

    @property
    def problems(self) -> list[str]:
        """What is beyond the limits, in words."""
        found = []
        if self.words > MOST_WORDS:
            found.append(f"{self.words} words, at most {MOST_WORDS}")
        if self.short_percent < SHARE_PERCENT:
            found.append(
                f"{self.short_percent:.0f} % of sentences within {LONG} words, at least {SHARE_PERCENT}"
            )
        if (longest := max(self.lengths, default=0)) > LONGEST:
            found.append(f"a sentence of {longest} words, at most {LONGEST}")
        return found


def count_words(sentence: str) -> int:
    """Words between spaces that hold a letter or digit."""
    return sum(re.search(r"\w", word) is not None for word in sentence.split())


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs, list items, headings and table cells of Markdown, as plain text."""
    text = CODE_BLOCK.sub("\n\n", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|</?[a-z][^>]*>", " ", text)
    text = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"`[^`]*`", "Code", text)
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        starts = re.match(r"\s*(?:[-*+]|\d+[.)])\s+|\s*#+\s+|\s*>", line)
        table = line.lstrip().startswith("|")
        if (not line.strip() or starts or table) and lines:
            yield " ".join(lines)
            lines = []
        if table:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
            yield from (cell for cell in cells if count_words(cell) >= SHORTEST_CELL)
        elif line.strip() and not re.match(r"\s{4,}\S|\t", line):
            lines.append(line[starts.end() :] if starts else line.strip())


def sentences(text: str) -> list[str]:
    """The sentences of Markdown."""
    found = []
    for paragraph in paragraphs(text):
        whole = ABBREVIATIONS.sub(lambda match: match[0][:-1], " ".join(paragraph.split()))
        found += [part for part in END.split(whole) if re.search(r"\w", part)]
    return found


def pages() -> list[Path]:
    """Every hand-written page: those that a command makes say so in their first lines."""
    every = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "PYPI.md")]
    every += sorted((ROOT / "docs").rglob("*.md"))
    return [
        path
        for path in every
        if not GENERATED.search(
            "\n".join(path.read_text(encoding="utf-8").splitlines()[:FIRST_LINES])
        )
    ]


def user_strings() -> Iterator[tuple[str, str]]:
    """Yield place and text of every message, problem and help text of the product; a value in it is one X."""
    for module in structure.modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _name(node.func).endswith((*SHOWN, "Refused")):
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if " " in (text := _text(argument)):
                        yield f"{module.path}:{argument.lineno}", text


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "X" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left) or "X") + (_text(node.right) or "X")
    return ""


def measure(path: Path) -> Page:
    """Read and measure a page."""
    return Page(path.relative_to(ROOT), tuple(sentences(path.read_text(encoding="utf-8"))))


def main(names: list[str]) -> None:
    """Print a row for each page; of pages that are named, print the long sentences."""
    chosen = [Path(name).resolve() for name in names]
    for page in map(measure, chosen or pages()):
        longest, problems = max(page.lengths, default=0), "; ".join(page.problems)
        print(
            f"{page.words:6} words {page.short_percent:5.1f} % short {longest:4} longest  {page.path}  {problems}"
        )
        for sentence in page.sentences if chosen else ():
            if count_words(sentence) > LONG:
                print(f"    {count_words(sentence)}: {sentence}")
    if not chosen:
        parts = [part for _, text in user_strings() for part in sentences(text)]
        short = 100 * sum(count_words(part) <= LONG for part in parts) / len(parts)
        longest = max(map(count_words, parts))
        print(
            f"{len(parts):6} sentences {short:5.1f} % short {longest:4} longest  messages, problems and help texts"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
