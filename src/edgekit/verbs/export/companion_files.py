"""The companions of a build's C: the board that runs it, packages, and bindings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from edgekit.base.errors import Problem, unavailable
from edgekit.runtime.devices.board import Board
from edgekit.targets.bindings.table import BINDINGS
from edgekit.targets.devices import profile
from edgekit.targets.packages.lay_out import DEFAULT_VERSION, VERSION
from edgekit.targets.packages.table import PACKAGES
from edgekit.verbs.export.option_checks import OptionValues, texts_of
from edgekit.verbs.export.work import Companions
from edgekit.verbs.targets import TARGETS, Target


def read_companions(read: OptionValues, target: Target | None) -> tuple[Companions, list[Problem]]:
    """Return the companions that options ask for, and all problems with them."""
    board = read.values.get("board")
    if not isinstance(board, Board):
        board = None
    versions = cast("Mapping[str, str]", read.values.get("packages") or {})
    bindings = texts_of(cast("Sequence[str]", read.values.get("bindings")))
    draws = "sampler" in read.user_options
    problems = [
        *board_problems(board, target, read.values.get("weights") == "external"),
        *binding_problems(bindings, target, draws),
        *package_problems(versions, target, draws),
    ]
    packages = {kind: version or DEFAULT_VERSION for kind, version in versions.items()}
    return Companions(board, packages, bindings), problems


def board_problems(board: Board | None, target: Target | None, external: bool) -> Iterator[Problem]:
    """Yield the conflicts of a board with the target, or with weights that a bundle holds."""
    if board is None:
        return
    where = f"board '{board.name}'"
    if target is not None:
        bare = [name for name in TARGETS if profile(name).is_bare]
        step = "correct core in the file, or --target"
        if board.core not in bare:
            yield Problem(where, f"core '{board.core}'", ", ".join(bare), step)
        elif board.core != target.name:
            found = f"its core is {board.core}, --target is {target.name}"
            yield Problem(where, found, f"--target {board.core}", step)
    if external:
        found = "with --weights external, whose arrays a bundle holds in one block"
        yield Problem(
            where, found, "weights that are placed one by one", "leave one of the two out"
        )


def binding_problems(
    bindings: Sequence[str], target: Target | None, draws: bool
) -> Iterator[Problem]:
    """Yield problems with the bindings of the request; `draws`: whether a sampler draws images."""
    for name in bindings:
        if name not in BINDINGS:
            yield unavailable("--bindings", name, BINDINGS, ())
        if target is not None and (draws or not target.is_c):
            found = f"target '{target.name}'"
            allowed = "C sources of a network that runs hop by hop"
            yield Problem(f"--bindings {name}", found, allowed, "leave it out")


def package_problems(
    versions: Mapping[str, str], target: Target | None, draws: bool
) -> Iterator[Problem]:
    """Yield problems with the packages of the request; `draws`: whether a sampler draws images."""
    for kind, version in versions.items():
        where = f"--package {kind}"
        if kind not in PACKAGES:
            yield unavailable("--package", kind, PACKAGES, ())
        if version and not VERSION.fullmatch(version):
            yield Problem(where, repr(version), "three numbers, as 1.2.0", "correct it")
        if target is not None and (not target.is_c or target.name == "host"):
            found = f"target '{target.name}', whose build is not C for other machines"
            step = "take --target c99, or that of the board's core"
            yield Problem(where, found, "a target of C sources", step)
        if draws:
            yield Problem(where, "images of a sampler", "hops of a stream", "leave it out")
