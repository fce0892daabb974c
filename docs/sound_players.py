"""Links of pages to sounds become players on the site; where Markdown is read as it is, they stay links."""

import re

LINK = re.compile(r'<a href="([^"]+\.mp3)">(.*?)</a>', re.DOTALL)
PLAYER = (
    '<span class="sound"><span>{text}</span>'
    '<audio controls preload="none" src="{address}" aria-label="{label}"></audio></span>'
)


def with_players(html: str) -> str:
    """Return a page's HTML in which each link to a .mp3 is its text and a player."""
    return LINK.sub(_player, html)


def _player(link: re.Match[str]) -> str:
    address, text = link.groups()
    return PLAYER.format(address=address, text=text, label=re.sub(r"<[^>]*>|\"", "", text))
