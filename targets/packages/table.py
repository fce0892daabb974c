"""The packages: one row each. The files that a package adds to the build's come from its folder of templates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """One ecosystem.

    Attributes:
        name: as given to ``--package``, and the folder of its templates.
        what: the use of the package.
        library: the folder of the build's C files and headers.
        example: the folder of the golden replay.
        entry: the name of the replay's ``main`` there; a framework has its own main.
        checked: the tool that has checked such a package, for docs and for people.
    """

    name: str
    what: str
    library: str
    example: str
    entry: str
    checked: str


PACKAGES = {
    row.name: row
    for row in (
        Package(
            "zephyr",
            "a Zephyr module with a sample",
            "src",
            "samples/replay/src",
            "main",
            "as C, by a plain compiler; Zephyr is not built here",
        ),
        Package(
            "arduino",
            "an Arduino library",
            "src",
            "examples/replay",
            "replay_run",
            "as C and C++, by plain compilers with a stand-in for the framework",
        ),
        Package(
            "platformio",
            "a PlatformIO library",
            "src",
            "examples/replay/src",
            "main",
            "by `pio pkg pack`, but for its licence; its C and its example by a plain compiler",
        ),
        Package(
            "esp-idf",
            "an ESP-IDF component",
            "src",
            "examples/replay/main",
            "replay_run",
            "by `compote component pack`; its C by a plain compiler; ESP-IDF is not built here",
        ),
        Package(
            "cmsis-pack",
            "a CMSIS-Pack",
            "src",
            "examples/replay",
            "main",
            "element by element, and its C by a plain compiler; no CMSIS tool has read it",
        ),
        Package(
            "cmake",
            "a CMake package for find_package",
            "src",
            "examples/replay",
            "main",
            "by building, installing, finding and running it",
        ),
    )
}
