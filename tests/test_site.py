"""The site: sounds that its pages play, the logo, and the page of keywords, which a command makes."""

import re
from pathlib import Path

import soundfile
from make_options import page as options_page
from make_sounds import SOUNDS
from sound_players import with_players

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MOST_BYTES, MOST_BYTES_OF_ALL = 150_000, 1_000_000
PAGES = [ROOT / "README.md", *DOCS.rglob("*.md")]


def test_every_sound_is_small_of_the_table_and_on_a_page() -> None:
    files = {path.stem: path for path in (DOCS / "sounds").glob("*.mp3")}
    assert files.keys() == {sound.name for sound in SOUNDS}, "python docs/make_sounds.py"
    sizes = [path.stat().st_size for path in files.values()]
    assert max(sizes) <= MOST_BYTES and sum(sizes) <= MOST_BYTES_OF_ALL
    linked = {
        name for page in PAGES for name in re.findall(r"sounds/([\w-]+)\.mp3\)", page.read_text())
    }
    assert linked == files.keys()
    authors = (DOCS / "sounds" / "CREDITS.txt").read_text(encoding="utf-8")
    for sound in SOUNDS:
        assert 0 < soundfile.info(files[sound.name]).duration <= sound.seconds + 0.1
        assert sound.maker in authors


def test_a_link_to_a_sound_becomes_a_player() -> None:
    page = '<li><a href="../sounds/a.mp3">Before: <b>it</b></a></li><a href="b.html">b</a>'
    made = with_players(page)
    assert '<audio controls preload="none" src="../sounds/a.mp3" aria-label="Before: it">' in made
    assert "<span>Before: <b>it</b></span>" in made and '<a href="b.html">b</a>' in made


def test_the_site_names_files_that_exist() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for name in re.findall(r"(?:logo|favicon): (\S+)|extra_css: \[(\S+)\]", text):
        assert (DOCS / "".join(name)).is_file()


def test_the_page_of_keywords_is_that_of_the_rows() -> None:
    how = "python docs/make_options.py > docs/reference/options.md"
    assert (DOCS / "reference" / "options.md").read_text(encoding="utf-8") == options_page(), how
