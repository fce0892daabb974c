"""Does the check of a build's proof find wrong plans? 1,000 mutants of builds; those it accepts are run.

    python bench proof_mutants --count 1000

Each mutant is the C of a build with one offset, lifetime, size, argument, call or order changed. One that the check
accepts is compiled with AddressSanitizer and run beside the build, on noise and on random bits. It must give the same
outputs and stay in its blocks: then it is equivalent, and listed. Otherwise the check missed it, and the bench fails.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from robustness.c_check_harness import program
from robustness.program_mutants import Mutant, draw_mutant

from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import Program
from edgekit.verbs.targets import TARGETS

PINNED = Path(__file__).parents[2] / "tests" / "pinned"
HOPS = "12"
FLAGS = ("-std=c99", "-O1", "-g1", "-ffp-contract=off", "-fsanitize=address,undefined", "-lpthread")


class Subject:
    """A build whose C is changed."""

    def __init__(self, path: Path, folder: Path) -> None:
        """Lower a network to portable C and compile its kernels."""
        build = TARGETS["c99"].lower(Model.from_bytes(path.read_bytes()), "c99")
        self.name, self.prefix, self.folder = path.stem, build.manifest.c_name, folder / path.stem
        self.files = {
            n: c.decode() for n, c in build.files.items() if n.endswith((".c", ".h", ".json"))
        }
        self.folder.mkdir()
        for name, text in self.files.items():
            if "/" not in name:
                (self.folder / name).write_text(text)
        (self.folder / "main.c").write_text(program(self.prefix, self.files[f"{self.prefix}.h"]))
        self.objects: list[str] = []

    def compile_rest(self) -> None:
        """Compile all but the program itself, once."""
        rest = [
            n for n in self.files if n.endswith(".c") and "/" not in n and n != f"{self.prefix}.c"
        ]
        for name in (*rest, "main.c"):
            command = ["cc", *FLAGS[:-1], "-c", name, "-o", f"{name}.o"]
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
            self.objects.append(f"{name}.o")

    def outputs(self, text: str) -> str:
        """Return the digest of the outputs of a program, or how it ended."""
        if not self.objects:
            self.compile_rest()
        (self.folder / "mutant.c").write_text(text)
        command = ["cc", *FLAGS[:-1], "mutant.c", *self.objects, FLAGS[-1], "-o", "mutant"]
        if subprocess.run(command, cwd=self.folder, capture_output=True).returncode:
            return "not compiled"
        ran = subprocess.run(
            ["./mutant", "hops", HOPS], cwd=self.folder, capture_output=True, timeout=120
        )
        return ran.stdout.decode() if ran.returncode == 0 else "stopped"

    def is_accepted(self, mutant: Mutant) -> bool:
        """Whether the check finds nothing."""
        texts = {n: t for n, t in self.files.items() if not n.startswith("ek_")}
        return not verdict_of(Program({**texts, f"{self.prefix}.c": mutant.text})).findings


def main() -> int:
    """Draw mutants, check all, run those that are accepted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", help="names of tests/pinned; default: all")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, drawn, kept = random.Random(given.seed), Counter[str](), Counter[str]()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = sorted(
            p for p in PINNED.glob("*.onnx") if not given.networks or p.stem in given.networks
        )
        subjects = [Subject(path, Path(folder)) for path in paths]
        started = time.perf_counter()
        for number in range(given.count):
            subject = subjects[number % len(subjects)]
            source = subject.files[f"{subject.prefix}.c"]
            mutant = draw_mutant(rng, source, f"{subject.prefix}_process")
            drawn[mutant.kind] += 1
            if not subject.is_accepted(mutant):
                continue
            kept[mutant.kind] += 1
            same = subject.outputs(mutant.text) == subject.outputs(source)
            missed += not same
            print(
                f"{'equivalent' if same else 'MISSED'}: {subject.name}: {mutant.kind}: {mutant.what}"
            )
    for kind, count in drawn.items():
        print(f"{kind}: {count} mutants, {count - kept[kind]} found, {kept[kind]} accepted")
    print(f"{given.count} mutants, {missed} missed, {time.perf_counter() - started:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
