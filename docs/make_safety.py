"""Makes docs/safety/requirements.md, the requirements of the runtime with their evidence, from requirements.toml.

python docs/make_safety.py > docs/safety/requirements.md
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GROUPS = {"M": "Memory", "A": "Arithmetic", "T": "Time", "I": "Interface"}
HEAD = """\
# Requirements of the runtime, and their evidence

Made by `python docs/make_safety.py > docs/safety/requirements.md` from `docs/safety/requirements.toml`.

Do you have to argue that generated C is safe to use? This table says what the C of a build must do, and which test,
proof or check shows it. Each requirement has an id that stays. A test fails if an entry names a test that does not
exist. [Tools and known limits](limits.md) says how far each tool can be trusted.

**This is no certificate.** Nobody has assessed EdgeKit against a safety standard. The pages give you evidence to start
from; the argument for your product is yours.
"""


@dataclass(frozen=True)
class Requirement:
    """One row of ``requirements.toml``, see there."""

    id: str
    text: str
    evidence: tuple[str, ...]
    extent: str


def requirements() -> list[Requirement]:
    """All rows, in the order of the file."""
    text = (ROOT / "docs" / "safety" / "requirements.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["requirement"]
    return [Requirement(**{**row, "evidence": tuple(row["evidence"])}) for row in rows]


def has_evidence(evidence: str) -> bool:
    """Whether a test, a target of the Makefile, a script of bench/ or a verb that evidence names exists."""
    if "::" in evidence:
        file, function = evidence.split("::")
        path = ROOT / file
        return path.is_file() and f"def {function}(" in path.read_text(encoding="utf-8")
    words = evidence.split()
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        return re.search(rf"^{words[1]}:", makefile, re.MULTILINE) is not None
    if words[:2] == ["python", "bench"]:
        return any((ROOT / "bench").glob(f"*/{words[2]}.py"))
    return words[0] == "edgekit" and (ROOT / "src/edgekit/cli" / f"{words[1]}.py").is_file()


def page() -> str:
    """The page: a table for each group of ids."""
    return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    for letter, title in GROUPS.items():
        yield f"## {title}\n\n| id | requirement | evidence | what the evidence covers |\n|---|---|---|---|"
        for row in requirements():
            if row.id.startswith(f"EK-{letter}"):
                evidence = ", ".join(f"`{name}`" for name in row.evidence)
                yield f"| {row.id} | {row.text} | {evidence} | {row.extent} |"
        yield ""


if __name__ == "__main__":
    print(page(), end="")
