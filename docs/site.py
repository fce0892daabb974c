"""A hook of mkdocs (see mkdocs.yml): the README is the site's first page, CONTRIBUTING.md another.

The version is that of the code. The address of the repository is ``Repository`` of ``[project.urls]`` in
pyproject.toml. Where there is none, pages have no link to it. Links to sounds become players.
"""

import json
import re
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from sound_players import with_players

ROOT = Path(__file__).parent.parent
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the version into the name of the site, and link to the repository where pyproject.toml names one."""
    code = (ROOT / "src" / "edgekit" / "__init__.py").read_text(encoding="utf-8")
    (version,) = VERSION.findall(code)
    config.site_name = f"{config.site_name} {version}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.repo_url = project.get("urls", {}).get("Repository")
    return config


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Play the sounds that a page links to."""
    return with_players(html)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the two pages that stand at the top of the repository, and a page for each notebook."""
    for source, page in (("README.md", "index.md"), ("CONTRIBUTING.md", "contributing.md")):
        text = (ROOT / source).read_text(encoding="utf-8")
        if page == "index.md":
            text = f"---\nhide: [navigation]\n---\n{text}"
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    for notebook in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        page = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, page, content=as_markdown(notebook)))
    return files


def as_markdown(notebook: Path) -> str:
    """Return the cells of a notebook as a page, with a link to the file."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = ["".join(cell["source"]) for cell in cells]
    shown = [
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, parts, strict=True)
    ]
    return "\n\n".join([*shown, f"[This page as a notebook]({notebook.name})"])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to CONTRIBUTING.md and README.md at their pages of the site."""
    up = "../" * page.file.src_uri.count("/")
    markdown = re.sub(r"\]\((?:\.\./)*CONTRIBUTING\.md", f"]({up}contributing.md", markdown)
    return re.sub(r"\]\((?:\.\./)+README\.md", f"]({up}index.md", markdown)
