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
table that it comes from, `tests/seeds/systems.py`. Each row is the smallest faithful form of a published system
(`tests/seeds/networks.py`). Its weights are seeded; they are trained where tokens, decisions or solutions are judged.
It runs in portable C, in float32 and in integers. Integers are w8a8 unless the row names another recipe:

    python -m pytest tests/seeds -s -k ddpm-ddim-cfg
    PYTHONPATH=tests:bench edgekit export seeds.networks:plain --target host --recipe w8a8 --sampler s.toml -o build

Four things are tested:

- The outputs reach an SNR against the source network: {float_db:.0f} dB in float32, and the row's number in integers.
- The integers equal the NumPy oracle in every bit.
- A sampler's loop in C equals the loop in Python in every bit.
- The row's own check holds.

The last columns are bytes of weights and tables. Random weights show nothing about pictures; the [digits](diffusion.md)
do.

Three systems are in w8a16, since 8 bits are too few for their inputs. The graph solver's potentials are quotients and
settle on the grid of integers (18.9 dB in w8a8). The extrapolation depends on small differences of six numbers (23.7
dB). A product unit's exponential turns a step of the logarithm into a factor (18.7 dB).

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
