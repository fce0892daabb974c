"""Takes the pictures of pages in docs/screenshots, by chromium, websockets and pillow.

PYTHONPATH=tests python docs/make_screenshots.py BUILD/report.html ENGINE/report.html compare.html
"""

import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import Browser
from PIL import Image

ROOT = Path(__file__).parent.parent

# picture, which of the pages, what it shows first
PICTURES = (
    ("report", 0, "h1"),
    ("network", 0, "#network"),
    ("layers", 0, "#layers"),
    ("engine", 1, "h1"),
    ("compare", 2, "h1"),
)
COLOURS = 200
SIZES = ((420, 900), (1400, 1000))
LOADED = "new Promise(done => document.readyState === 'complete' ? done(1) : addEventListener('load', () => done(1)))"


def main() -> None:
    """Take two pictures of each page that is named."""
    folder, pages = ROOT / "docs" / "screenshots", sys.argv[1:]
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as profile, Browser(Path(profile), Path(profile)) as browser:
        for (name, page, first), (width, height) in product(PICTURES, SIZES):
            if page >= len(pages):
                continue
            file = folder / f"{name}-{width}.png"
            browser.call("Page.navigate", url=Path(pages[page]).absolute().as_uri())
            browser.run(LOADED)
            browser.picture(file, width, height)
            browser.run(f"document.querySelector({first!r}).scrollIntoView()")
            browser.picture(file, width, height)
            with Image.open(file) as picture:
                few = picture.convert("RGB").quantize(COLOURS)
            few.save(file, optimize=True)


if __name__ == "__main__":
    main()
