"""Write docs/results/seeds.md from the table of the tests.

PYTHONPATH=tests:bench python docs/make_seeds.py > docs/results/seeds.md
"""

import json
from dataclasses import fields

from seeds.harness import FLOAT_DB, System
from seeds.systems import ELSEWHERE, FULL_SIZE, NOTHING, SYSTEMS

from edgekit.export.diffusion.description import Description, Sampler

TEXT = """\
# Systems of papers

Made by `PYTHONPATH=tests:bench python docs/make_seeds.py > docs/results/seeds.md`; a test compares this page with the
table that it comes from, `tests/seeds/systems.py`. Each row is the smallest faithful form of a published system, with
seeded weights, or trained where tokens, decisions or solutions are judged (`tests/seeds/networks.py`). It runs in
portable C in float32 and in integers, w8a8 or what its row says:

    python -m pytest tests/seeds -s -k ddpm-ddim-cfg
    PYTHONPATH=tests:bench edgekit export seeds.networks:plain --target host --recipe w8a8 --sampler s.toml -o build

and is held to four things: its outputs reach so many dB against the source network ({float_db:.0f} in float32, in
integers what its row says); its integers are those of the NumPy oracle in every bit; a sampler's loop in C is the loop
in Python in every bit; and what the row says is so of it alone. The last columns are bytes of weights and tables.
Random weights say nothing of pictures: the [digits](diffusion.md) do.

Three systems are in w8a16, since 8 bits do not hold what they read: the graph solver's potentials come of quotients and
settle on its grid (18.9 dB in w8a8), the extrapolation tells six numbers apart by their differences (23.7 dB), and a
product unit's exponential makes of a step of the logarithm a factor (18.7 dB).

## What runs

| system | `-k` | what of it runs | sampler.toml | own check | integers | dB | float32, bytes | integers, bytes |
|---|---|---|---|---|---|--:|--:|--:|
{rows}

## What has tests of its own

| system | what runs | where | command |
|---|---|---|---|
{elsewhere}

## Full size

Networks as `diffusers` builds them, with seeded weights: the U-Net of DDPM for CIFAR-10, DiT-S/2 on latents of
32 x 32, and the decoder of the tiny autoencoder for Stable Diffusion's latents, of 8 x 8.
Each is exported to C as a process of its own, and one call is verified: `python bench full_size`. Seconds
are of a processor (2-core AMD EPYC, AVX2, beside other work), MB are the export's, RAM is the build's; seeded weights
say nothing of pictures.

| network | recipe | weights, M | MACs, G | export, s | MB | call, s | flash, MB | RAM, MB | SNR, dB | C = oracle |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|
{full_size}

## What has nothing to deploy

| work | why |
|---|---|
{nothing}
"""
PLAIN = {"roles", "schedule", "fold"}


def described(sampler: Description | None) -> str:
    """What a sampler says beyond its defaults."""
    if sampler is None:
        return ""
    kind = type(sampler)
    facts = {} if kind is Sampler else {"kind": kind.__name__.lower()}
    for field in fields(sampler):
        value = getattr(sampler, field.name)
        if field.name not in PLAIN and value != field.default and value:
            facts[field.name] = ", ".join(value) if isinstance(value, dict) else value
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())


def row(system: System) -> str:
    """Its line of the table."""
    name = f"{system.name} ({system.source})" if system.source else system.name
    cells = [name, system.key, system.runs, described(system.sampler), system.own]
    cells += [system.integers, f"{system.least_db:.0f}"]
    return "| " + " | ".join([*cells, *(f"{count:,}" for count in system.weights)]) + " |"


def page() -> str:
    """Return the page."""
    return TEXT.format(
        float_db=FLOAT_DB,
        rows="\n".join(map(row, SYSTEMS)),
        elsewhere="\n".join(f"| {' | '.join(cells)} |" for cells in ELSEWHERE),
        full_size="\n".join(f"| {' | '.join(cells)} |" for cells in FULL_SIZE),
        nothing="\n".join(f"| {' | '.join(cells)} |" for cells in NOTHING),
    )


if __name__ == "__main__":
    print(page(), end="")
