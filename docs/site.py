"""A hook of mkdocs (see mkdocs.yml): the README is the site's first page, CONTRIBUTING.md another."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the two pages that stand at the top of the repository."""
    for source, page in (("README.md", "index.md"), ("CONTRIBUTING.md", "contributing.md")):
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to CONTRIBUTING.md at its page of the site."""
    return markdown.replace("](../CONTRIBUTING.md", "](contributing.md").replace(
        "](CONTRIBUTING.md", "](contributing.md"
    )
