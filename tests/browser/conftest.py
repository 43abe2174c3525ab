"""One Chromium for the run, and a fresh, empty profile of it for each test."""

import shutil
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright
from pytest_django.live_server_helper import LiveServer

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Pages may answer 404 or 409 on purpose; their own files may not.
FILES = {"stylesheet", "script", "image", "font"}
VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's event loop belongs to this thread while it runs, so Django takes every query of
    # a test for one inside a coroutine. None is: the loop runs only while a test waits for it.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def browser_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """An empty page; "/login/" is an address of the product. Any error in the browser fails."""
    cache.clear()  # attempts to sign in are counted there
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400 and response.request.resource_type in FILES:
            complaints.append(f"{response.status} {response.url}")

    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 1280, "height": 800},
        locale="en-GB",
        reduced_motion="reduce",  # or axe measures colours in the middle of their change
    )
    context.set_default_timeout(10_000)
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    page.on("console", console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", answered)
    yield page
    context.close()
    assert complaints == []
