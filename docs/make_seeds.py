"""Write docs/results/seeds.md from the table of the tests.

PYTHONPATH=tests:bench python docs/make_seeds.py > docs/results/seeds.md
"""

import json
from dataclasses import fields

from seeds.harness import FLOAT_DB, System
from seeds.papers import NOTHING, PAPERS, VERDICTS, Paper
from seeds.systems import ELSEWHERE, FULL_SIZE, SYSTEMS

from edgekit.export.diffusion.description import Description, Sampler

TEXT = """\
# Systems of papers

Made by `PYTHONPATH=tests:bench python docs/make_seeds.py > docs/results/seeds.md`; a test compares this page with its
tables. There are two large ones:

- [Every paper](#every-paper) judges each paper (`tests/seeds/papers.py`). Papers with [nothing to
  deploy](#what-has-nothing-to-deploy) are at the end of the page.
- [What runs](#what-runs) tests the smallest faithful form of each system (`tests/seeds/systems.py`), in portable C, in
  float32 and in integers. Integers are w8a8 unless the row names another recipe. Weights are seeded; they are trained
  where tokens, decisions or solutions are judged.

The two have networks of different sizes. A demo of the first table is larger and trained, so its bytes and decibels are
not those of the second table.

## Every paper

{verdicts}

Published figures are of the papers' own data and sizes, ours of the nearest task here. They show what a figure is
about; they are not a comparison of equals. Where a cell is empty, there is no such figure. A Frechet distance depends
on the number of pictures: 4.64 of 2,000 and 169 of 500 cannot be compared. A row "in part" says what is missing. "Ours"
of a mechanism is what its test shows, and the least SNR of its integers.

| paper | verdict | what it is for | command | to see or listen to | published | ours |
|---|---|---|---|---|---|---|
{papers}

## How a row is tested

    python -m pytest tests/seeds -s -k ddpm-ddim-cfg
    PYTHONPATH=tests:bench edgekit export seeds.networks:plain --target host --recipe w8a8 --sampler s.toml -o build

Four things are tested:

- The outputs reach an SNR against the source network: {float_db:.0f} dB in float32, and the row's number in integers.
- The integers equal the NumPy oracle in every bit.
- A sampler's loop in C equals the loop in Python in every bit.
- The row's own check holds.

The last columns are bytes of weights and tables. Random weights show nothing about pictures; the [digits](diffusion.md)
do.

Rows in w8a16 are those for which 8 bits are too few. The graph solver's potentials are quotients and settle on the
grid of integers (18.9 dB in w8a8). The extrapolation depends on small differences of six numbers (23.7 dB). A product
unit's exponential turns a step of the logarithm into a factor (18.7 dB). Chimera carries its rounding on from frame to
frame (16.9 dB). The transcoder, LDAM's head and WGAN's generator are small and reach 16.8, 24.4 and 16.1 dB.

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

| paper | why |
|---|---|
{nothing}

Of papers that run, two parts are left out. Golden Noise's other branch has a singular value decomposition: run it apart
and give its start. SPRIGHT's peeling decoder branches on data: it is a program around the transform.
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


def paper_row(paper: Paper) -> str:
    """A paper's line of the first table."""
    verdict = f"{paper.verdict}: {paper.missing}" if paper.missing else paper.verdict
    command, ours = paper.command, paper.ours
    if system := next((system for system in SYSTEMS if system.paper == paper.name), None):
        command = command or f"python -m pytest tests/seeds -k {system.key}"
        ours = ours or f"{system.own}; {system.integers}: at least {system.least_db:.0f} dB"
    cells = [paper.name, verdict, paper.purpose, f"`{command}`"]
    return "| " + " | ".join([*cells, paper.page, paper.published, ours]) + " |"


def page() -> str:
    """Return the page."""
    return TEXT.format(
        float_db=FLOAT_DB,
        rows="\n".join(map(row, SYSTEMS)),
        elsewhere="\n".join(f"| {' | '.join(cells)} |" for cells in ELSEWHERE),
        full_size="\n".join(f"| {' | '.join(cells)} |" for cells in FULL_SIZE),
        verdicts="\n".join(f"- **{verdict}**: {words}." for verdict, words in VERDICTS.items()),
        papers="\n".join(paper_row(p) for p in PAPERS if p.verdict != NOTHING),
        nothing="\n".join(f"| {p.name} | {p.purpose} |" for p in PAPERS if p.verdict == NOTHING),
    )


if __name__ == "__main__":
    print(page(), end="")
