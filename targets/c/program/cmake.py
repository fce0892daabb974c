"""CMakeLists.txt of a build: a static library, and for another machine its replay program."""

from collections.abc import Iterable

from edgekit.runtime.devices.profile import Profile

BARE_LINK = "-nostartfiles -Wl,--gc-sections -Wl,-T,${BOARD_SCRIPT}"


def build_file(name: str, library: Iterable[str], replay: Iterable[str], profile: Profile) -> str:
    """Return the text; `library` and `replay` are the files of the build, without golden.c."""
    flags = " ".join((profile.optimize, *profile.flags))
    made = LIBRARY.format(name=name, sources=_list_sources(library), flags=flags)
    if not profile.is_cross:
        return f"{VERSION}project({name} C)\n\n{made}"
    system = "Generic" if profile.is_bare else "Linux"
    start = CROSS.format(cc=profile.cc, system=system)
    sources = [*(file for file in replay if file.endswith(".c")), "replay/golden.c"]
    link = BARE_LINK if profile.is_bare else "-static"
    program = REPLAY.format(
        name=name,
        sources=_list_sources(sorted(sources)),
        flags=flags,
        link=link,
        script=SCRIPT.format(name=name) if profile.is_bare else "",
        core=" ".join(profile.flags),
        qemu=" ".join(profile.qemu_command(f"{name}_replay")),
    )
    return f"{VERSION}{start}project({name} C)\n\n{made}\n{program}"


def _list_sources(sources: Iterable[str]) -> str:
    return "\n".join(f"    {source}" for source in sources)


VERSION = "cmake_minimum_required(VERSION 3.13)\n"

CROSS = """
# Without a toolchain file: CC, or the compiler that Debian calls so.
if(NOT CMAKE_TOOLCHAIN_FILE)
    set(CMAKE_SYSTEM_NAME {system})
    if(NOT CMAKE_C_COMPILER AND NOT DEFINED ENV{{CC}})
        set(CMAKE_C_COMPILER {cc})
    endif()
endif()
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""

LIBRARY = """\
add_library({name} STATIC
{sources}
)
target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
set_target_properties({name} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
# Float code in quantized networks has the same bits on every core only without contraction to FMA.
target_compile_options({name} PRIVATE {flags} -ffp-contract=off -fno-trapping-math)
"""

SCRIPT = """\
    # The board of --board, else the one that QEMU emulates.
    set(BOARD_SCRIPT ${{CMAKE_CURRENT_SOURCE_DIR}}/{name}_board.ld)
    if(NOT EXISTS ${{BOARD_SCRIPT}})
        set(BOARD_SCRIPT ${{CMAKE_CURRENT_SOURCE_DIR}}/replay/board.ld)
    endif()
"""

REPLAY = """\
# Runs golden data through the library and prints PASS or FAIL:
#   {qemu}
if(CMAKE_CURRENT_SOURCE_DIR STREQUAL CMAKE_SOURCE_DIR)
{script}    target_compile_options({name} PRIVATE -ffunction-sections -fdata-sections)
    add_executable({name}_replay
{sources}
    )
    target_link_libraries({name}_replay PRIVATE {name})
    set_target_properties({name}_replay PROPERTIES C_STANDARD 11 C_EXTENSIONS OFF)
    target_compile_options({name}_replay PRIVATE {flags} -ffp-contract=off -fno-trapping-math -fdata-sections)
    target_link_libraries({name}_replay PRIVATE {core} {link} -Wl,-Map={name}_replay.map)
endif()
"""
