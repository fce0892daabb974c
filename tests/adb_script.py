"""A script that stands for adb, and a folder that stands for the device."""

import os
from pathlib import Path

import pytest

# Runs on this machine what adb would on the device, with a folder in the place of /data/local/tmp. A serial `old` has
# the shell of an old Android: lines end with a carriage return, and there are no exit codes.
FAKE = """\
#!/bin/sh
echo "$*" >>"@ROOT@/asked"
old=
case "$1 $2" in
    "-s old") old=yes; shift 2 ;;
    "-s board") shift 2 ;;
    -s*) echo "error: device '$2' not found" >&2; exit 1 ;;
    *) echo "error: more than one device/emulator" >&2; exit 1 ;;
esac
case "$1" in
    push) to=$(echo "$3" | sed 's|/data/local/tmp|@ROOT@/device|'); cp "$2" "$to" ;;
    shell) command=$(echo "$2" | sed 's|/data/local/tmp|@ROOT@/device|')
        if [ -e @ROOT@/core ]; then
            core=$(cat @ROOT@/core)
            command=$(echo "$command" | sed "s|^uname -m|echo $core|; s|exec ./program|exec qemu-$core ./program|")
        fi
        if [ "$old" ]; then
            sh -c "$command" 2>&1 | sed -u -e 's|@ROOT@/device|/data/local/tmp|' -e 's/$/\\r/'
        else
            sh -c "$command" | sed -u 's|@ROOT@/device|/data/local/tmp|'
        fi ;;
    *) echo "unknown command $1" >&2; exit 1 ;;
esac
"""


def script(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it on PATH, in `folder`; returns that."""
    (folder / "device").mkdir(parents=True)
    (folder / "adb").write_text(FAKE.replace("@ROOT@", str(folder)))
    (folder / "adb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder
