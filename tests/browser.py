"""Debian's chromium without a screen, driven over its DevTools protocol."""

import itertools
import json
import shutil
import subprocess
import threading
import time
from base64 import b64decode
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from edgekit import api

COMMAND = shutil.which("chromium")
MISSING = [
    *([] if COMMAND else ["chromium: apt-get install chromium"]),
    *([] if find_spec("websockets") else ["websockets: pip install websockets"]),
]
needs_chromium = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
START_S = 120
CALL_S = 240


def serving(folder: Path) -> str:
    """The address of a folder, served until the tests end."""
    told: list[str] = []
    is_ready = threading.Event()

    def ready(url: str) -> None:
        told.append(url)
        is_ready.set()

    threading.Thread(
        target=api.serve, args=(folder, 0), kwargs={"ready": ready}, daemon=True
    ).start()
    assert is_ready.wait(60)
    return told[0]


class Browser:
    """A page of chromium whose microphone hears a .wav, over and over."""

    def __init__(self, folder: Path, microphone: Path) -> None:
        """Start it, with its profile in `folder`."""
        self._folder = folder / "profile"
        self._command = [
            str(COMMAND),
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--remote-debugging-port=0",
            f"--user-data-dir={self._folder}",
            "--autoplay-policy=no-user-gesture-required",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
            "about:blank",
        ]
        self._numbers = itertools.count(1)
        self._stack = ExitStack()

    def __enter__(self) -> "Browser":
        from websockets.sync.client import connect

        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        port, path = self._address()
        address = f"ws://127.0.0.1:{port}{path}"
        self._socket = self._stack.enter_context(connect(address, max_size=1 << 28))
        target = self._send("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self._send("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = attached["sessionId"]
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        self._process.terminate()
        self._process.wait(30)

    def _address(self) -> list[str]:
        file, until = self._folder / "DevToolsActivePort", time.monotonic() + START_S
        while not (file.is_file() and len(lines := file.read_text().split("\n")) > 1):
            assert self._process.poll() is None, "chromium ended"
            assert time.monotonic() < until, "chromium does not start"
            time.sleep(0.1)
        return lines[:2]

    def _send(self, method: str, given: dict[str, Any], session: str | None = None) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": given}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(timeout=CALL_S))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self._heard(answer)

    def _heard(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["params"]["exceptionDetails"])[:500])
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.errors.append(event["params"]["entry"]["text"])

    def call(self, method: str, **given: Any) -> Any:
        """A call of the protocol, for the page."""
        return self._send(method, given, self._session)

    def open(self, url: str) -> None:
        """Open a page, until its script has run."""
        self.call("Page.navigate", url=url)
        self.run(
            "new Promise((done) => { const look = () => document.body?.dataset.ready ? done(1)"
            " : setTimeout(look, 50); look(); })"
        )

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited."""
        for _ in range(100):  # a page that is being left has no context
            try:
                found = self.call(
                    "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
                )
                break
            except AssertionError as error:
                if "context" not in str(error).lower() and "navigated" not in str(error):
                    raise
                time.sleep(0.1)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def choose_file(self, selector: str, path: Path) -> None:
        """Give a file to an input of the page."""
        expression = f"document.querySelector({json.dumps(selector)})"
        found = self.call("Runtime.evaluate", expression=expression)["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], objectId=found)

    def wait(self, condition: str) -> None:
        """Wait until an expression of the page is true."""
        self.run(
            f"new Promise((done) => {{ const look = () => ({condition}) ? done(1)"
            " : setTimeout(look, 30); look(); })"
        )

    def nameless(self) -> list[str]:
        """The roles of controls that a screen reader finds no name for."""
        tree = self.call("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "slider", "spinbutton", "radio", "combobox", "meter", "img", "link")
        shown = [node for node in tree if not node["ignored"]]
        return [
            node["role"]["value"]
            for node in shown
            if node["role"]["value"] in roles and not node.get("name", {}).get("value")
        ]

    def picture(self, path: Path, width: int, height: int) -> None:
        """A picture of the page as wide as a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        path.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
