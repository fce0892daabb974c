"""`serve`: a folder over HTTP on this machine alone, as a page with WebAssembly and an audio thread needs it."""

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edgekit.base.errors import Problem, ToolError, UsageError

LOOPBACK = "127.0.0.1"
PORT = 8000
TYPES = {".wasm": "application/wasm", ".js": "text/javascript", ".mjs": "text/javascript"}
# Isolated pages get the finer clock; nothing of the page may be kept from before a new export.
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class _Handler(SimpleHTTPRequestHandler):
    """Files below one folder; links out of it are not followed, folders are not listed."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def end_headers(self) -> None:
        """Add those of every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """Return the file, or a nonexistent one if a link leads out of the folder."""
        found, root = Path(super().translate_path(path)), Path(self.directory).resolve()
        return str(found) if found.resolve().is_relative_to(root) else str(root / ("-" * 300))

    def list_directory(self, path: object) -> None:
        """Folders without index.html are not shown."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


def serve(
    directory: str | Path,
    port: int | None = None,
    *,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a folder with a page to browsers on this machine, until Ctrl-C.

    Args:
        directory: with an index.html, as a build for wasm or the demo ``browser`` has one.
        port: of 127.0.0.1, 0 for any that is free; 8000 where left out, or any free one if that is taken.
        ready: gets the address.

    Raises:
        UsageError: no such folder.
        ToolError: the port is taken.
    """
    directory = Path(directory)
    if not (directory / "index.html").is_file():
        allowed = "a folder with an index.html"
        step = "edgekit export --target wasm makes one, and edgekit demo browser"
        raise UsageError(Problem(f"folder '{directory}'", "no index.html", allowed, step))
    handler = partial(_Handler, directory=str(directory))
    try:
        server = ThreadingHTTPServer((LOOPBACK, PORT if port is None else port), handler)
    except OSError as error:
        if port is not None:
            raise ToolError(f"port {port}: {error.strerror}; give another --port, or 0") from error
        server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    with server:
        try:
            ready(f"http://{LOOPBACK}:{server.server_address[1]}/")
            server.serve_forever()
        except KeyboardInterrupt:
            return
