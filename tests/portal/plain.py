"""A page as a person reads it."""

import html
import re


def text(page: str) -> str:
    """Without tags, in one line with plain spaces."""
    plain = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S)
    return " ".join(html.unescape(plain).split())


def links(page: str) -> dict[str, str]:
    """Address -> what the link says."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', page, flags=re.S)
    return {html.unescape(address): text(words) for address, words in found}
