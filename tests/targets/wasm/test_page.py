"""The page of a build for WebAssembly, in Debian's chromium, from `edgekit serve` and from Python's own server."""

import shutil
import threading
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import session_network
import soundfile
import spotter_network as spotter
import tiny_networks
from browser import Browser, needs_chromium, serving
from builds import lowered, noise
from numpy.typing import NDArray
from port_networks import Mixer
from published_signals import bundled_speech

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.wav import write_wav
from edgekit.demos import show_digits
from edgekit.demos.browser.show import KNOBS
from edgekit.demos.compressor import show as compressor
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.graph.model import Model
from edgekit.judge.verification import write_golden
from edgekit.runtime.audio.files import run_sounds
from edgekit.runtime.runners.wasm import compile_module
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream
from edgekit.targets.wasm import page
from edgekit.verbs.export.importing import ImportOptions, load_model
from edgekit.verbs.export.request import read_request

MISSING = [name for name in ("ziglang", "wasmtime") if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install wasmtime ziglang"
    ),
    needs_chromium,
]
SPOKEN = [(0.4, 1), (1.3, 0), (2.1, 2), (2.9, 1)]
Floats = NDArray[np.float32]
# What the page makes of the files that were chosen, before it becomes a file: channels of numbers.
RENDERED = """
import("./page/page.js").then(async ({ sound }) => {
    const made = await sound.render();
    return Array.from({ length: made.numberOfChannels }, (_, c) => Array.from(made.getChannelData(c)));
})
"""
# The next file that the page saves, in base64.
SAVED = """
new Promise((done) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => {
        URL.createObjectURL = createObjectURL;
        const reader = new FileReader();
        reader.onload = () => done(reader.result.split(",")[1]);
        reader.readAsDataURL(blob);
        return createObjectURL(blob);
    };
    document.querySelector("#save").click();
})
"""


def built(
    model: Model, folder: Path, inputs: dict[str, NDArray[Any]] | None = None, **own: Any
) -> Path:
    """A build with its module and its test data, without the other checks of an export."""
    compile_module(folder, lowered(model, folder, "wasm", **own).manifest)
    inputs = inputs or noise(model, 8)
    write_golden(folder / "golden", inputs, Stream.open(folder).run(inputs), ())
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds of several kinds, by the name of their folder, and recordings for them."""
    folder = tmp_path_factory.mktemp("site")
    built(load_model(str(NETWORK), OPTIONS).model, folder / "denoise")
    given = {**compressor.options("float32", folder), "calibration": None}
    imports = read_request(str(compressor.NETWORK), "wasm", folder / "c", given).imports  # type: ignore[arg-type]
    model = load_model(str(compressor.NETWORK), imports).model
    random = np.random.default_rng(0)
    hops = {
        "pcm": random.normal(size=(8, 1, 1, 64)).astype(np.float32),
        "knobs": np.tile(np.float32([-20, 3, 5, 20]).reshape(1, 1, 4, 1), (8, 1, 1, 1)),
    }
    built(model, folder / "compressor", hops, knobs=KNOBS)
    built(model, folder / "bare", hops)
    ports = {"mic": (1, "NTC"), "far": (2, "NTC")}, {"out": (1, "NCT"), "rest": (2, "NCT")}
    built(Mixer.drawn(random, *ports, 8).model(), folder / "mixer")
    built(
        load_model(str(tiny_networks.recurrent(folder / "tiny.onnx")), ImportOptions()).model,
        folder / "tiny",
    )
    sampler = read_request(
        str(show_digits.NETWORK), "wasm", folder / "d", {"sampler": show_digits.SAMPLER}
    )
    compile_module(
        folder / "digits",
        lowered(
            fold_steps(load_model(str(show_digits.NETWORK), sampler.imports).model),
            folder / "digits",
            "wasm",
        ).manifest,
    )
    api.export(
        "spotter_network:factory",
        "wasm",
        folder / "spotter",
        sample_rate=spotter.RATE,
        frontend=spotter.FRONTEND,
        decide=spotter.DECIDE,
    )
    film, constants = session_network.network(folder / "film.onnx"), ["speaker", "level"]
    api.export(str(film), "wasm", folder / "session", hop=4, session_constants=constants)
    speech = bundled_speech(16_000)[1]
    write_wav(folder / "speech.wav", speech, 16_000, "PCM_16")
    stereo = np.stack([bundled_speech(44_100)[1], bundled_speech(88_200)[1][44_100:]])
    write_wav(folder / "stereo.wav", stereo, 44_100, "PCM_16")
    write_wav(folder / "words.wav", spotter.recording(SPOKEN, 3.6, 5), spotter.RATE, "PCM_16")
    return folder


@pytest.fixture(scope="module")
def browser(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; its microphone plays words over and over."""
    with Browser(tmp_path_factory.mktemp("chromium"), site / "words.wav") as started:
        yield started


def sound_of(path: Path) -> Floats:
    """(channels, samples) of a .wav."""
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T)


def opened(browser: Browser, folder: Path, *recordings: Path) -> None:
    """Open a build's page, with a file for each of its first inputs."""
    browser.open(serving(folder))
    for number, path in enumerate(recordings, 1):
        browser.choose_file(f"#inputs > :nth-child({number}) input", path)
        browser.wait("!document.querySelector('#save').disabled")


def rendered(browser: Browser) -> Floats:
    return np.array(browser.run(RENDERED), np.float32)


def text(browser: Browser, selector: str) -> str:
    return str(browser.run(f"document.querySelector('{selector}').textContent"))


def verdict(browser: Browser) -> str:
    browser.run("document.querySelector('#golden').click()")
    browser.wait("/^(PASS|FAIL|.*[0-9]{3} )/.test(document.querySelector('#verdict').textContent)")
    return text(browser, "#verdict")


@pytest.mark.parametrize("name", ["denoise", "compressor", "mixer", "tiny", "spotter", "session"])
def test_every_page_runs_the_test_data(name: str, site: Path, browser: Browser) -> None:
    opened(browser, site / name)
    assert verdict(browser).startswith("PASS: all ")
    assert browser.nameless() == [] and browser.errors == []
    size = {"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    assert browser.run("document.documentElement.scrollWidth") <= 420
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_other_test_data_fail(site: Path, browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(site / "tiny", folder)
    outputs = {
        name: array.copy() for name, array in read_npz(folder / "golden" / "output.npz").items()
    }
    next(iter(outputs.values()))[3, 0, 2] += 1e-3
    write_npz(folder / "golden" / "output.npz", outputs)
    opened(browser, folder)
    assert verdict(browser).startswith("FAIL: 1 of 64 values in 8 hops differ, by at most 0.00100")


def test_a_file_gives_what_edgekit_run_gives(site: Path, browser: Browser) -> None:
    opened(browser, site / "denoise", site / "speech.wav")
    sound = sound_of(site / "speech.wav")
    (expected,) = run_sounds(Stream.open(site / "denoise"), {"pcm": sound}).values()
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(rendered(browser), expected)
    (browser_file := site / "saved.wav").write_bytes(b64decode(browser.run(SAVED)))
    saved, rate = soundfile.read(browser_file, dtype="int16")
    assert rate == 16_000
    whole = np.clip(np.floor(expected[0].astype(float) * 32768 + 0.5), -32768, 32767)
    np.testing.assert_array_equal(saved, whole)
    assert browser.errors == []


def test_a_file_of_another_form_is_resampled_and_mixed(site: Path, browser: Browser) -> None:
    opened(browser, site / "denoise", site / "stereo.wav")
    made = rendered(browser)
    assert made.shape == (1, 16_000) and np.abs(made).max() > 0.01


def test_knobs_change_the_sound(site: Path, browser: Browser) -> None:
    opened(browser, site / "compressor", site / "stereo.wav")
    mono = sound_of(site / "stereo.wav").mean(axis=0, dtype=np.float32)[None]
    stream, heard = Stream.open(site / "compressor"), []
    for threshold in (-24, -6):
        browser.run(
            f"(() => {{ const knob = document.querySelector('#knobs input'); knob.value = {threshold};"
            " knob.dispatchEvent(new Event('input')); })()"
        )
        made = rendered(browser)
        stream.turn({"knobs": np.float32([threshold, 4, 2, 30]).reshape(1, 4, 1)})
        (expected,) = run_sounds(stream, {"pcm": mono}).values()
        np.testing.assert_array_equal(made, expected)
        heard.append(made)
    assert np.abs(heard[0] - heard[1]).max() > 0.01
    ranges = browser.run(
        "Array.from(document.querySelectorAll('#knobs input'), (i) => [i.type, i.min, i.max, i.step])"
    )
    assert ranges == [
        ["range", "-30", "0", "0.2"],
        ["range", "1", "5", "0.02"],
        ["range", "1", "40", "0.2"],
        ["range", "1", "40", "0.2"],
    ]


def test_a_control_without_a_range_is_a_field_with_the_value_of_the_test_data(
    site: Path, browser: Browser
) -> None:
    opened(browser, site / "bare")
    fields = browser.run(
        "Array.from(document.querySelectorAll('#knobs input'), (i) => [i.type, i.value])"
    )
    assert fields == [["number", value] for value in ("-20", "3", "5", "20")]


def test_levels_time_and_bypass_are_live(site: Path, browser: Browser) -> None:
    opened(browser, site / "denoise", site / "speech.wav")
    level = "Number(document.querySelector('#level-{}').ariaValueNow)"
    browser.wait(f"{level.format('before')} > -40 && {level.format('after')} > -50")
    browser.wait("document.querySelector('#hop').textContent.includes('ms of 8')")
    browser.run("document.querySelector('input[value=before]').click()")
    assert (
        browser.run("import('./page/page.js').then(({ sound }) => sound.playing().heard)")
        == "before"
    )
    browser.run("document.querySelector('#stop').click()")
    browser.wait("document.querySelector('#state').textContent === 'Stopped.'")
    assert browser.run("import('./page/page.js').then(({ sound }) => sound.playing())") is None


def test_several_inputs_have_a_row_each_and_stay_together(site: Path, browser: Browser) -> None:
    opened(browser, site / "mixer", site / "speech.wav", site / "words.wav")
    assert text(browser, "#inputs > :nth-child(1) b") == "mic"
    browser.run("import('./page/page.js').then(({ sound }) => sound.stop())")
    made = rendered(browser)
    assert made.shape[0] == 1 and made.shape[1] == round(3.6 * 16_000)
    browser.run(
        "(() => { const choice = document.querySelector('#output'); choice.value = '1';"
        " choice.dispatchEvent(new Event('change')); })()"
    )
    assert rendered(browser).shape[0] == 2
    opened(browser, site / "mixer", site / "speech.wav")
    mixer, sound = Stream.open(site / "mixer"), sound_of(site / "speech.wav")
    expected = run_sounds(mixer, {"mic": sound, "far": np.zeros((2, sound.shape[1]), np.float32)})
    np.testing.assert_array_equal(rendered(browser), expected["out"])
    assert text(browser, "#inputs > :nth-child(2) .source") == "silent"


def detected(browser: Browser) -> list[str]:
    found = browser.run(
        "Array.from(document.querySelectorAll('#found li'), (item) => item.textContent)"
    )
    return list(map(str, found))


def test_detections_are_those_of_edgekit_run(site: Path, browser: Browser, tmp_path: Path) -> None:
    opened(browser, site / "spotter", site / "words.wav")
    browser.wait("document.querySelectorAll('#found li').length >= 3")
    api.run(site / "spotter", site / "words.wav", tmp_path / "out.csv")
    expected = [line.split(",") for line in (tmp_path / "out.csv").read_text().split()[1:]]
    assert [label for _, label, _ in expected] == ["fall", "rise", "fall"]
    assert detected(browser) == [
        f"{float(time):.2f} s: {label} ({float(score):.2f})" for time, label, score in expected
    ]
    saved = b64decode(browser.run(SAVED)).decode().split()[1:]
    for line, (time, label, score) in zip(saved, expected, strict=True):
        assert line.split(",")[:2] == [f"{float(time):g}", label]
        assert np.float32(line.split(",")[2]) == np.float32(score)


def test_the_microphone_is_heard_and_its_words_are_detected_live(
    site: Path, browser: Browser
) -> None:
    opened(browser, site / "spotter")
    browser.run("document.querySelector('#inputs button').click()")
    browser.wait("document.querySelectorAll('#found li').length >= 3")
    assert {line.split()[2] for line in detected(browser)} <= {"fall", "rise"}
    assert "score" in text(browser, "#values")
    browser.run("import('./page/page.js').then(({ sound }) => sound.stop())")
    assert browser.errors == []


def test_a_network_without_sound_says_what_it_is(site: Path, browser: Browser) -> None:
    opened(browser, site / "tiny")
    assert "takes no sound" in text(browser, "#about")
    assert browser.run(
        "document.querySelector('#sound').hidden && document.querySelector('#images').hidden"
    )
    assert not (site / "tiny" / "page" / "audio.js").exists()
    assert "x [1, 8] float32" in text(browser, "#facts")


def test_a_sampler_draws_what_edgekit_sample_draws(site: Path, browser: Browser) -> None:
    opened(browser, site / "digits")
    drawn = browser.run(
        "import('./page/draw.js').then(async ({ Drawer }) => {"
        " const { x } = await new Drawer(new URL('digits.js', location)).draw(11, { label: 3 });"
        " return Array.from(x); })"
    )
    (expected,) = Sampler.open(site / "digits").sample(1, 11, {"label": 3})
    np.testing.assert_array_equal(np.array(drawn, np.float32), expected.ravel())
    browser.run("document.querySelector('#draw').click()")
    browser.wait("document.querySelector('#steps').textContent.startsWith('20 steps')")
    assert browser.run("document.querySelector('#image').width") == 28
    assert browser.nameless() == [] and browser.errors == []


def test_missing_test_data_is_said(site: Path, browser: Browser, tmp_path: Path) -> None:
    shutil.copytree(site / "bare", tmp_path / "bare", ignore=shutil.ignore_patterns("golden"))
    opened(browser, tmp_path / "bare")
    assert "golden/input.npz is missing" in text(browser, "#state")
    assert "404" in verdict(browser)
    browser.errors.clear()


def test_any_server_of_files_will_do(site: Path, browser: Browser) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(site / "denoise"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        browser.open(f"http://127.0.0.1:{server.server_address[1]}/")
        assert verdict(browser).startswith("PASS")
        browser.choose_file("#inputs input", site / "speech.wav")
        browser.wait("!document.querySelector('#save').disabled")
        browser.run("import('./page/page.js').then(({ sound }) => sound.stop())")
        server.shutdown()


def test_the_page_names_no_other_place_and_its_texts_are_escaped() -> None:
    made = page.page_files("net", "<b>&", has_sound=True, has_sampler=True)
    assert "://" not in b"".join(made.values()).decode()
    html = made["index.html"].decode()
    assert "<h1>&lt;b&gt;&amp;</h1>" in html and "{{" not in html


def test_ranges_of_no_control_are_refused(tmp_path: Path) -> None:
    model = tiny_networks.recurrent(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="--knob 'gain': no such control"):
        api.export(str(model), "wasm", tmp_path / "out", knobs={"gain": "0:1:0"})


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_a_wav_is_read_as_edgekit_reads_it(
    subtype: str, site: Path, browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(site / "denoise" / "page", folder / "page")
    (folder / "index.html").write_text("<body data-ready=yes>")
    random = np.random.default_rng(0)
    sound = np.append(random.uniform(-1, 1, (500, 2)), [[1, -1]], axis=0)
    for file_format in ("WAV", "WAVEX"):
        soundfile.write(folder / "a.wav", sound, 22_050, subtype=subtype, format=file_format)
        browser.open(serving(folder))
        made = browser.run(
            "Promise.all([import('./page/wav.js'), fetch('a.wav').then((r) => r.arrayBuffer())])"
            ".then(([{ readWav }, bytes]) => { const b = readWav(bytes);"
            " return { rate: b.sampleRate, samples: [0, 1].map((c) => Array.from(b.getChannelData(c))) }; })"
        )
        np.testing.assert_array_equal(np.float32(made["samples"]), sound_of(folder / "a.wav"))
        assert made["rate"] == 22_050
