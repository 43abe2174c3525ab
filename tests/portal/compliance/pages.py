"""What the tests of the pages ask of an answer."""

import html
import re

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

BUDGET = 12
NASTY = (
    "state=bogus&verdict=&severity=huge&rule=no-such&host=no-such&family=x",
    "page=99999999999999999999&size=7&sort=nothing&by=nothing",
    "page=-1&sort=--severity&size=abc",
    "q=%00&rule=%00&host=%00&environment=%00&container=%00",
    "q=" + "a:" * 900,
    "q=%22&rule=" + "x" * 3000,
    "q=%ED%A0%80%FF&group=%FF",
    "for=99999999999999999999999999&q=(((",
)


def text_of(response: HttpResponse) -> str:
    """The page as a reader sees it: without tags, with single plain spaces."""
    plain = re.sub(r"<[^>]*>", " ", response.content.decode())
    spaced = " ".join(html.unescape(plain).split())
    return re.sub(r" ([.,:)])(?=[\s.,]|$)|(\() ", r"\1\2", spaced)


def links(response: HttpResponse, containing: str) -> list[tuple[str, str]]:
    """Address and text of the links whose address has this in it."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', response.content.decode(), re.S)
    return [
        (html.unescape(address), html.unescape(" ".join(re.sub(r"<[^>]*>", " ", text).split())))
        for address, text in found
        if containing in html.unescape(address)
    ]


def number(text: str) -> int:
    """ "1 204 checks" as 1204."""
    found = re.match(r"[\d\N{NARROW NO-BREAK SPACE}]+", text)
    assert found, text
    return int(re.sub(r"\D", "", found[0]))


def total(response: HttpResponse) -> int:
    """What a list of findings says that it holds."""
    found = re.search(r'<span role="status">(.*?)</span>', response.content.decode())
    assert found
    return number(found[1])


def queries(client: Client, address: str) -> int:
    client.get(address)  # what is looked up once for a process is not the page's
    with CaptureQueriesContext(connection) as done:
        response = client.get(address)
    assert response.status_code == 200
    return len(done)
