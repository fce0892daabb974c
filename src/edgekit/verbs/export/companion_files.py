"""What is asked of a build beside its C: the board it stands on, packages, and bindings."""

from edgekit.base.errors import Problem, UsageError, unavailable
from edgekit.runtime.devices.board import Board, read_board
from edgekit.targets.bindings.table import BINDINGS
from edgekit.targets.devices import profile
from edgekit.targets.packages.lay_out import DEFAULT_VERSION, VERSION
from edgekit.targets.packages.table import PACKAGES
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.work import Beside
from edgekit.verbs.targets import TARGETS, Target


def read_beside(options: ExportOptions, target: Target | None) -> tuple[Beside, list[Problem]]:
    """Return what options ask for, and everything that is wrong with it."""
    path, problems, board = options.get("board"), list[Problem](), None
    if path is not None:
        try:
            board = read_board(path)
        except UsageError as error:
            problems += error.problems
    problems += board_problems(board, target)
    if board is not None and options.get("weights") == "external":
        found = "with --weights external, whose arrays a bundle holds in one block"
        allowed = "weights that are placed one by one"
        problems.append(
            Problem(f"board '{board.name}'", found, allowed, "leave one of the two out")
        )
    problems += binding_problems(options, target)
    problems += package_problems(options, target)
    given = options.get("packages") or {}
    packages = {kind: version or DEFAULT_VERSION for kind, version in given.items()}
    bindings = tuple(dict.fromkeys(options.get("bindings") or ()))
    return Beside(board, packages, bindings), problems


def board_problems(board: Board | None, target: Target | None) -> list[Problem]:
    """Return why a board does not go with the target, if it does not."""
    bare = [name for name in TARGETS if profile(name).is_bare]
    if board is None or target is None:
        return []
    where, step = f"board '{board.name}'", "correct core in the file, or --target"
    if board.core not in bare:
        return [Problem(where, f"core '{board.core}'", ", ".join(bare), step)]
    if board.core == target.name:
        return []
    found = f"its core is {board.core}, --target is {target.name}"
    return [Problem(where, found, f"--target {board.core}", step)]


def binding_problems(options: ExportOptions, target: Target | None) -> list[Problem]:
    """Return what is wrong with the bindings that are asked for."""
    problems = []
    for name in options.get("bindings") or ():
        if name not in BINDINGS:
            problems.append(unavailable("--bindings", name, BINDINGS, ()))
        if target is not None and (not target.is_c or options.get("sampler") is not None):
            found, allowed = (
                f"target '{target.name}'",
                "C sources of a network that runs hop by hop",
            )
            problems.append(Problem(f"--bindings {name}", found, allowed, "leave it out"))
    return problems


def package_problems(options: ExportOptions, target: Target | None) -> list[Problem]:
    """Return what is wrong with the packages that are asked for."""
    problems = []
    for kind, version in (options.get("packages") or {}).items():
        if kind not in PACKAGES:
            problems.append(unavailable("--package", kind, PACKAGES, ()))
        if version and not VERSION.fullmatch(version):
            where = f"--package {kind}"
            problems.append(Problem(where, repr(version), "three numbers, as 1.2.0", "correct it"))
        if target is not None and (not target.is_c or target.name == "host"):
            found = f"target '{target.name}', whose build is not C for other machines"
            step = "take --target c99, or that of the board's core"
            problems.append(Problem(f"--package {kind}", found, "a target of C sources", step))
        if options.get("sampler") is not None:
            found = "images of a sampler"
            problems.append(Problem(f"--package {kind}", found, "hops of a stream", "leave it out"))
    return problems
