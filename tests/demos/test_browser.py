"""The page of `edgekit demo browser`, in Debian's chromium, and the server that it comes from."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, needs_chromium, serving
from builds import lowered
from numpy.typing import NDArray
from published_signals import bundled_speech

from edgekit import api
from edgekit.base.errors import ToolError, UsageError
from edgekit.base.progress import silent
from edgekit.base.wav import read_wav
from edgekit.cli.demo import show_browser
from edgekit.demos import show_denoise, show_digits
from edgekit.demos.browser import show as browser_show
from edgekit.demos.compressor import show as compressor
from edgekit.demos.hearable import export_demo
from edgekit.demos.target_speech import show as target_speech
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.runners.wasm import compile_module
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.export.request import read_request

MISSING = [name for name in ("ziglang", "wasmtime") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install wasmtime ziglang"
)
RATE = 16_000
# Samples of a .wav of 16 bits through a network of the page, as numbers.
RENDER = """
import("./page.js").then(async ({{ render }}) => {{
    const bytes = await (await fetch("{clip}")).arrayBuffer();
    const samples = Float32Array.from(new Int16Array(bytes, 44, {count}), (v) => v / 32768);
    const buffer = new AudioBuffer({{ length: samples.length, sampleRate: {rate} }});
    buffer.copyToChannel(samples, 0);
    return Array.from((await render("{network}", buffer)).getChannelData(0));
}})
"""
# The embedding of who is looked at in a .wav of both ears, and what the page makes of the scene's first samples then.
LOOK = """
import("./page.js").then(async ({{ choose, render }}) => {{
    const ears = async (clip, count) => {{
        const bytes = await (await fetch(clip)).arrayBuffer(), all = new Int16Array(bytes, 44, 2 * count);
        const buffer = new AudioBuffer({{ length: count, sampleRate: 16000, numberOfChannels: 2 }});
        for (const c of [0, 1]) {{
            buffer.copyToChannel(Float32Array.from({{ length: count }}, (_, i) => all[2 * i + c] / 32768), c);
        }}
        return buffer;
    }};
    await choose("target");
    const {{ look }} = await import("./target.js");
    const speaker = await look(await ears("{clip}", {count} / 2));
    const heard = await render("target", await ears("scene.wav", {size}));
    return {{ speaker: Array.from(speaker), heard: [0, 1].map((c) => Array.from(heard.getChannelData(c))) }};
}})
"""


@dataclass(frozen=True)
class Served:
    """The page, where it is served, and a browser that has opened it."""

    folder: Path
    url: str


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The page as the demo writes it, its networks without the export's verification."""
    folder = tmp_path_factory.mktemp("page")
    model = load_model(str(show_denoise.NETWORK), show_denoise.OPTIONS).model
    speech = bundled_speech(128 * 12)[1].reshape(-1, 1, 128).astype(np.float32)
    denoiser = quantize(model, Calibration(({"pcm": speech},), "speech"), "w8a8")
    given = {**compressor.options("float32", folder), "calibration": None}
    request = read_request(str(compressor.NETWORK), "wasm", folder / "c", given)  # type: ignore[arg-type]
    other = load_model(str(compressor.NETWORK), request.imports).model
    imports = read_request(
        str(show_digits.NETWORK), "wasm", folder / "d", {"sampler": show_digits.SAMPLER}
    ).imports
    digits = fold_steps(load_model(str(show_digits.NETWORK), imports).model)
    networks = ("denoise", denoiser), ("compressor", other), ("digits", digits)
    for name, network in networks:
        own = {"knobs": browser_show.KNOBS} if name == "compressor" else {}
        compile_module(folder / name, lowered(network, folder / name, "wasm", **own).manifest)
    browser_show.write_page(folder)
    return Served(folder, serving(folder))


@pytest.fixture(scope="module")
def browser(page: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium on the page; its microphone hears the noisy clip."""
    profile = tmp_path_factory.mktemp("chromium")
    with Browser(profile, page.folder / "noisy.wav") as started:
        started.open(page.url)
        yield started


def rendered(browser: Browser, network: str, clip: str, rate: int, count: int) -> NDArray[Any]:
    """What the page makes of the first samples of a clip, in an audio thread that runs ahead of time."""
    script = RENDER.format(network=network, clip=clip, rate=rate, count=count)
    return np.array(browser.run(script), np.float32)


@pytest.mark.slow
@needs_chromium
def test_the_page_gives_what_edgekit_run_gives(page: Served, browser: Browser) -> None:
    noisy = read_wav(page.folder / "noisy.wav", RATE).samples[: 2 * RATE]
    made = rendered(browser, "denoise", "noisy.wav", RATE, len(noisy))
    (expected,) = run_sounds(Stream.open(page.folder / "denoise"), {"pcm": noisy[None]}).values()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_array_equal(made, expected[0, : len(made)])


@pytest.mark.slow
@needs_chromium
def test_the_knobs_of_the_page_reach_the_network(page: Served, browser: Browser) -> None:
    count = 64 * 300
    groove = read_wav(page.folder / "groove.wav", 44_100).samples[:count]
    stream = Stream.open(page.folder / "compressor")
    for threshold in (-24, -6):
        browser.run(
            "document.querySelectorAll('#knobs input').forEach((input, i) => {"
            f" if (i === 0) {{ input.value = {threshold}; input.dispatchEvent(new Event('input')); }} }})"
        )
        made = rendered(browser, "compressor", "groove.wav", 44_100, count)
        stream.reset()
        knobs = np.array([threshold, 4, 2, 30], np.float32).reshape(1, 4, 1)
        hops = {"pcm": groove.reshape(-1, 1, 1, 64).astype(np.float32), "knobs": knobs}
        expected = stream.run(hops)["out"].ravel()
        np.testing.assert_array_equal(made, expected)


@pytest.mark.slow
@needs_chromium
def test_the_page_draws_the_digits_that_edgekit_sample_draws(
    page: Served, browser: Browser
) -> None:
    told = browser.run(
        "import('./page.js').then(async ({ choose }) => { await choose('digits');"
        " const { draw } = await import('./digits.js'), steps = [];"
        " const { x } = await draw(3, 11, (done, rows) => steps.push([done, rows]));"
        " return { x: Array.from(x), steps }; })"
    )
    (expected,) = Sampler.open(page.folder / "digits").sample(1, 11, {"label": 3})
    np.testing.assert_array_equal(np.array(told["x"], np.float32), expected.ravel())
    assert told["steps"] == [[step + 1, 20] for step in range(20)]
    times = browser.run("import('./digits.js').then(({ drawAll }) => drawAll())")
    assert len(times) == 10 and browser.run("document.querySelector('#steps').textContent")
    browser.run("import('./page.js').then(({ choose }) => choose('denoise'))")
    assert browser.errors == []


@pytest.mark.slow
@needs_chromium
def test_the_page_hears_the_talker_whom_it_looked_at(
    page: Served, browser: Browser, tmp_path: Path
) -> None:
    for row in browser_show.NETWORKS[-2:]:
        own = tmp_path / row.name
        own.mkdir()
        given = row.options(own, page.folder)
        export_demo(row.network, "wasm", page.folder / row.name, given, silent)
    first, second, scene = target_speech.clips()
    watch, stream = (Stream.open(page.folder / name) for name in ("enrollment", "target_speech"))
    size = RATE
    for number, look in enumerate((first, second), 1):
        pcm = s16(look.mixed)
        told = browser.run(LOOK.format(clip=f"look-{number}.wav", count=pcm.size, size=size))
        speaker = target_speech.enroll(watch, pcm)
        np.testing.assert_array_equal(np.array(told["speaker"], np.float32), speaker[0])
        stream.session({"speaker": speaker})
        (expected,) = run_sounds(stream, {"ears": s16(scene.mixed)[:, :size]}).values()
        np.testing.assert_array_equal(np.array(told["heard"], np.float32), expected)
    browser.run("import('./page.js').then(({ choose }) => choose('denoise'))")
    assert browser.errors == []


def s16(sound: NDArray[Any]) -> NDArray[np.float32]:
    """Sound as a .wav of 16 bits holds it."""
    whole = np.clip(np.rint(sound * np.float32(32768)), -32768, 32767)
    return np.asarray(whole / np.float32(32768), np.float32)


@needs_chromium
def test_a_microphone_is_heard_and_the_page_fits_a_telephone(browser: Browser) -> None:
    hops = listened(browser, 2.0)["hops"]
    assert hops > 0
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=400,
        height=900,
        deviceScaleFactor=1,
        mobile=True,
    )
    assert browser.run("document.documentElement.scrollWidth") <= 400
    browser.call("Emulation.clearDeviceMetricsOverride")
    assert browser.errors == []


@pytest.mark.slow
@needs_chromium
def test_nothing_is_lost_in_a_minute(browser: Browser) -> None:
    found = listened(browser, 60.0)
    assert found["underruns"] == 0
    assert abs(found["frames"] / found["rate"] - found["seconds"]) < 0.5


def listened(browser: Browser, seconds: float) -> dict[str, float]:
    """What the page counts while it plays the microphone for some seconds of its own clock."""
    return browser.run(  # type: ignore[no-any-return]
        "import('./page.js').then(async ({ useMicrophone, stop }) => {"
        " const run = await useMicrophone();"
        " while (!run.hops) { await new Promise((done) => setTimeout(done, 50)); }"
        " const first = run.frames, start = run.context.currentTime;"
        f" await new Promise((done) => setTimeout(done, {1000 * seconds}));"
        " const found = { hops: run.hops, frames: run.frames - first, rate: run.context.sampleRate,"
        "  seconds: run.context.currentTime - start, underruns: run.context.playbackStats?.underrunEvents ?? 0 };"
        " await stop();"
        " return found; })"
    )


def test_the_page_names_no_other_place(page: Served) -> None:
    for name in browser_show.PAGE:
        assert "://" not in (page.folder / name).read_text(), name


def answer(url: str, path: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)
    connection.request("GET", path)
    got = connection.getresponse()
    return got.status, dict(got.getheaders()), got.read()


def test_the_server_gives_types_and_nothing_outside_of_its_folder(
    page: Served, tmp_path: Path
) -> None:
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript")):
        status, headers, _ = answer(page.url, path)
        assert status == 200 and headers["Content-type"].startswith(kind)
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    status, headers, body = answer(page.url, "/denoise/denoise.wasm")
    assert headers["Content-type"] == "application/wasm" and body[:4] == b"\0asm"
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (page.folder / "link").symlink_to(secret)
    outside = (
        f"/../{tmp_path.name}/secret",
        f"/%2e%2e/{tmp_path.name}/secret",
        "/link",
        "/denoise/page/",
    )
    assert [answer(page.url, path)[0] for path in outside] == [404] * 4
    assert page.url.startswith("http://127.0.0.1:")


def test_what_cannot_be_served_is_told(page: Served, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no index.html; allowed: a folder with an index.html"):
        api.serve(tmp_path)
    port = int(page.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(
        ToolError, match=f"port {port}: Address already in use; give another --port"
    ):
        api.serve(page.folder, port)


def test_another_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="target 'host'; allowed: --target wasm"):
        api.demo("browser", "host", tmp_path / "demo")


@pytest.mark.slow
def test_the_demo_is_made(tmp_path: Path) -> None:
    shown = api.demo("browser", out=tmp_path / "demo")
    show_browser(shown, as_json=False)  # type: ignore[arg-type]
    assert list(shown.manifests) == [row.name for row in browser_show.NETWORKS]  # type: ignore[union-attr]
    assert all((tmp_path / "demo" / name).is_file() for name in shown.files)
    verified = [m.verification["bit_exact_with_oracle"] for m in shown.manifests.values()]  # type: ignore[union-attr, index]
    assert verified == [True, True, True, None, True]  # the enrollment is float
