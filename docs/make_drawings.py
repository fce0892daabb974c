"""Draw ``docs/drawings/*.svg``, which the pages show: readable at 420 pixels, in light and in dark.

python docs/make_drawings.py
"""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from edgekit.targets.c.plan.memory import Interval, place

FOLDER = Path(__file__).with_name("drawings")
WIDTH = 420
STYLE = """
text{font:13px system-ui,sans-serif;fill:#1f2328}.s{font-size:11px;fill:#57606a}
.m{text-anchor:middle}.t{font-weight:600}
.a{fill:#cfe3f7}.b{fill:#f3e3b3}.c{fill:#d5efd8}.d{fill:#f4d3d0}.box{stroke:#8c959f}
.line{stroke:#57606a;fill:none;stroke-width:1.4}
.w{stroke:#2f6db3;fill:none}.q{stroke:#b3452f;fill:none}
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.s{fill:#9da7b3}.a{fill:#1f3f5f}.b{fill:#5a4a17}.c{fill:#1d4a2a}
.d{fill:#5f2a26}.box{stroke:#6e7681}.line{stroke:#9da7b3}.w{stroke:#79b8ff}.q{stroke:#ff9b85}#end path{fill:#9da7b3}}
"""
ARROW = (
    '<marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker>'
)


def picture(height: int, label: str, parts: Sequence[str]) -> str:
    """The text of an SVG file."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}"><style>{STYLE}</style><defs>{ARROW}</defs>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Words at a place; kinds: s small, m centred, t a title."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>'


def box(
    x: float, y: float, width: float, height: float, kind: str, words: str = "", detail: str = ""
) -> str:
    """A box of a colour, a to d, with a line or two in it."""
    middle = x + width / 2
    lines = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" class="box {kind}"/>'
    if words:
        lines += text(middle, y + height / 2 + (-3 if detail else 5), words, "m")
    return lines + (text(middle, y + height / 2 + 13, detail, "s m") if detail else "")


def arrow(*points: tuple[float, float]) -> str:
    """A line along points, which ends in an arrow."""
    path = "L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path d="M{path}" class="line" marker-end="url(#end)"/>'


def pipeline() -> str:
    """From a network's file to a device, with what proves each step."""
    steps = [
        ("torch module, .pt2, .onnx", "your network", "a"),
        ("export", "one ONNX file; runs hop by hop", "c"),
        ("quantize", "int8, calibrated on your clips", "c"),
        ("targets", "plan memory, emit C99", "c"),
        ("build", "C, manifest, test data, report", "b"),
        ("device", "earbud, microcontroller, FPGA", "a"),
    ]
    proofs = (
        "equals your network",
        "SNR on other clips",
        "equals NumPy bit for bit",
        "golden hops replayed",
    )
    parts = [
        box(12, 10 + 66 * n, 226, 46, kind, name, detail)
        for n, (name, detail, kind) in enumerate(steps)
    ]
    parts += [arrow((125, 56 + 66 * n), (125, 74 + 66 * n)) for n in range(len(steps) - 1)]
    parts += [text(252, 104 + 66 * n, words, "s") for n, words in enumerate(proofs)]
    return picture(10 + 66 * len(steps), "the pipeline", parts)


def hop() -> str:
    """A hop on the time line, with the state before it and the delay."""
    frame, left = 30, 30
    parts = [text(left, 20, "A kernel of five frames, one in the future", "t")]
    kinds = ["b"] * 4 + ["a"] * 4 + [""] * 4
    for n, kind in enumerate(kinds):
        style = kind or "d"
        parts.append(box(left + n * frame, 50, frame - 4, 30, style, str(n)))
    parts += [
        text(left, 42, "state: remembered", "s"),
        text(left + 4 * frame, 42, "hop: new frames", "s"),
        text(left + 8 * frame, 42, "not here yet", "s"),
    ]
    parts += [box(left + (n + 3) * frame, 130, frame - 4, 30, "c", str(n + 3)) for n in range(4)]
    parts += [arrow((left + (n + 0.45) * frame, 84), (left + 3.4 * frame, 126)) for n in range(4)]
    parts.append(arrow((left + 4.45 * frame, 84), (left + 3.55 * frame, 126)))
    parts += [
        text(left, 150, "output", "s"),
        text(
            left,
            184,
            "Output 6 needs frame 7, so the output is one frame late.",
            "s",
        ),
        text(left, 202, "delay = 1 frame; latency = delay + hop = 5 frames", "s"),
    ]
    return picture(216, "a hop on the time line", parts)


def word(level: float) -> np.ndarray:
    """A drawn word: two swellings of a tone, (400,), with a peak of `level`."""
    time = np.linspace(0, 1, 400)
    swell = np.exp(-((time - 0.3) ** 2) / 0.01) + 0.7 * np.exp(-((time - 0.7) ** 2) / 0.015)
    return level * swell * np.sin(2 * np.pi * 24 * time)


def curve(samples: np.ndarray, top: float, height: float, kind: str) -> str:
    """Samples from -1 to 1 as a line of a colour."""
    xs = np.linspace(12, WIDTH - 12, samples.size)
    ys = top + height / 2 * (1 - samples)
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
    return f'<path d="M{path}" class="{kind}"/>'


def quiet() -> str:
    """A quiet word in int8: at a fixed scale, and at one scale for each hop."""
    quiet_word, hops = word(0.01), 25
    fixed = np.rint(quiet_word * 127) / 127
    peaks = np.abs(quiet_word.reshape(hops, -1)).max(1, keepdims=True)
    scales = 2.0 ** np.ceil(np.log2(np.maximum(peaks, 1e-9)))
    each = (np.rint(quiet_word.reshape(hops, -1) / scales * 127) / 127 * scales).reshape(-1)
    rows = [
        ("a word, 40 dB below full scale", quiet_word, "w"),
        ("int8, fixed scale", fixed, "q"),
        ("int8, a scale for each hop", each, "w"),
    ]
    parts = []
    for n, (name, samples, kind) in enumerate(rows):
        parts += [text(12, 18 + 96 * n, name, "t"), curve(samples / 0.012, 24 + 96 * n, 62, kind)]
    return picture(290, "a quiet word in int8", parts)


def memory() -> str:
    """Scratch memory over the steps of a hop, placed by EdgeKit's planner."""
    sizes = [
        ("spectrum", 2056, 0, 1),
        ("features", 1028, 1, 2),
        ("conv 1", 4096, 2, 3),
        ("conv 2", 4096, 3, 4),
    ]
    sizes += [
        ("gru", 512, 4, 5),
        ("skip", 1024, 2, 5),
        ("mask", 1028, 5, 6),
        ("output", 2056, 6, 7),
    ]
    intervals = [Interval(*row) for row in sizes]
    offsets, total = place(intervals)
    scale, step = 230 / total, 48
    parts = [text(12, 18, "Scratch memory of a hop", "t")]
    for n, one in enumerate(intervals):
        height = max(one.size * scale, 12)
        width = (one.last - one.first + 1) * step - 3
        parts.append(
            box(
                18 + one.first * step,
                30 + offsets[one.name] * scale,
                width,
                height,
                "abcd"[n % 4],
                one.name,
            )
        )
    used, peak = sum(one.size for one in intervals), total
    parts += [
        text(18, 284, "time: layer after layer", "s"),
        text(18, 302, f"{used:,} bytes of tensors share {peak:,} bytes of memory", "s"),
    ]
    return picture(314, "memory over the layers of a hop", parts)


def engine() -> str:
    """The data paths of the FPGA engine."""
    parts = [
        box(140, 10, 140, 34, "a", "AXI4: DRAM"),
        box(20, 84, 120, 40, "b", "program reader", "words, weights"),
        box(160, 84, 110, 40, "b", "line reader", "64-byte lines"),
        box(290, 84, 112, 40, "b", "buffer", "on chip"),
        box(20, 172, 120, 46, "c", "dense array", "LANES x COLUMNS"),
        box(160, 172, 110, 46, "c", "depthwise", "nine taps"),
        box(290, 172, 112, 46, "c", "pool"),
        box(90, 262, 110, 40, "b", "requantize"),
        box(230, 262, 110, 40, "b", "writer", "bursts"),
    ]
    lines = [
        ((180, 44), (90, 82)),
        ((210, 44), (214, 82)),
        ((80, 124), (80, 170)),
        ((205, 124), (100, 170)),
        ((214, 124), (214, 170)),
    ]
    lines += [
        ((340, 124), (226, 170)),
        ((350, 124), (350, 170)),
        ((80, 218), (130, 260)),
        ((214, 218), (160, 260)),
        ((340, 218), (190, 262)),
    ]
    lines += [((200, 282), (228, 282)), ((340, 275), (410, 240), (410, 104), (404, 104))]
    parts += [arrow(*points) for points in lines]
    return picture(314, "data paths of the FPGA engine", parts)


def targets() -> str:
    """What a network can become."""
    rows = [
        ("C99", "host, c99", "any compiler"),
        ("C99 + replay", "cortex-m*, riscv32imc", "microcontrollers"),
        ("C99 + replay", "cortex-a*, riscv64", "Linux boards, phones"),
        ("C99 -> wasm", "wasm", "browsers, node"),
        (".onnx, QDQ", "onnxruntime", "servers, desktops"),
        (".tflite", "litert, ethos-u*", "phones, NPUs"),
        (".pte", "executorch", "phones"),
        ("SystemVerilog", "fpga", "ECP5, Xilinx"),
    ]
    parts = [box(8, 150, 84, 46, "a", "your", "network")]
    for n, (emits, name, runs) in enumerate(rows):
        y = 10 + 42 * n
        parts += [
            arrow((92, 173), (118, y + 17)),
            box(122, y, 150, 34, "c", name, ""),
            text(282, y + 14, emits),
            text(282, y + 29, runs, "s"),
        ]
    return picture(350, "the map of targets", parts)


def logo() -> str:
    """A chip, and the steps of a wave in it: white, for the head of the site."""
    return mark("")


def favicon() -> str:
    """The same on a square of its own."""
    return mark('<rect width="24" height="24" rx="5" fill="#3f51b5"/>')


def mark(ground: str) -> str:
    """The text of the logo's file."""
    pins = "".join(f"M{x} 2v3M{x} 19v3M2 {x}h3M19 {x}h3" for x in (8.5, 12, 15.5))
    wave = "M5.5 12.5h2v-3h2v-2h1.7v2h1.6v6h1.7v2h1v-2h1.5v-3h1.5"
    stroke = 'fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" role="img" aria-label="EdgeKit">{ground}'
        f'<g {stroke}><rect x="4" y="4" width="16" height="16" rx="2.5"/><path d="{pins}{wave}"/></g></svg>\n'
    )


def drawings() -> Iterator[tuple[Path, str]]:
    """Each file and its text."""
    for draw in (pipeline, hop, quiet, memory, engine, targets, logo, favicon):
        yield FOLDER / f"{draw.__name__}.svg", draw()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, content in drawings():
        path.write_text(content, encoding="utf-8")
