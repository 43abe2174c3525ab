"""What a browser test does with every page: sign in, change the look, ask axe."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page

from portal.accounts.models import User
from tests.people import client_of

WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def sign_in(page: Page, person: User) -> None:
    """Without the login page, which has tests of its own."""
    page.goto("/healthz")
    name = settings.SESSION_COOKIE_NAME
    value = client_of(person).cookies[name].value
    page.context.add_cookies([{"name": name, "value": value, "url": page.url}])


def looks(page: Page) -> Iterator[str]:
    """Gives the page each look in turn, and keeps a picture where PLIMSOLL_TEST_PICTURES says."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            yield f"{scheme}-{width}"


def flaws(page: Page, name: str) -> list[str]:
    """What axe finds in any look of the page, and whether it is wider than the window."""
    found = []
    for look in looks(page):
        if directory := os.environ.get("PLIMSOLL_TEST_PICTURES"):
            page.screenshot(path=Path(directory) / f"{name}-{look}.png", full_page=True)
        for violation in Axe().run(page).response["violations"]:
            targets = [node["target"] for node in violation["nodes"]]
            found.append(f"{look}: {violation['id']} {targets}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{look}: wider than the window")
    return found


def path(page: Page) -> str:
    return urlsplit(page.url).path
