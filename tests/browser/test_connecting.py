"""Hosts over TLS and SSH, registered in a browser with real servers: journey (a) of a person who
has just signed in, in nine clicks at most from there to the first findings."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from portal.compliance import actions as compliance
from portal.compliance.models import Scan
from portal.fleet import queries
from portal.fleet.models import Host
from scanner import Ssh
from scanner.transport import certificates
from tests.browser.looks import flaws, sign_in
from tests.conftest import start
from tests.people import person
from tests.support.engines import Engine
from tests.support.ssh import MEMBER, SshServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    started = start("joined", tls=True)
    started.docker_run("--privileged", name="reports", create_only=True)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def ssh(engine: Engine) -> Iterator[SshServer]:
    started = SshServer.start(engine)
    yield started
    started.stop()


class Clicks:
    """Counts what a person presses. Typing and choosing a file are no clicks."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, what: Locator) -> None:
        what.click()
        self.count += 1


def scanned(host: Host) -> None:
    """What the worker does, which does not run beside the browser's tests."""
    scan = Scan.objects.create(host=host, kind="manual", queued_at=timezone.now())
    compliance.run_scan(scan.pk)
    scan.refresh_from_db()
    assert scan.state in ("complete", "partial"), scan.diagnosis


def first_findings(page: Page, clicks: Clicks) -> None:
    page.reload()
    clicks.on(page.get_by_role("link", name="Container runs privileged"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Container runs privileged")


def test_over_tls_by_its_files(browser_page: Page, engine: Engine) -> None:
    page, clicks = browser_page, Clicks()
    files = engine.certificates
    assert files
    sign_in(page, person("bob"))
    page.goto("/hosts/")
    clicks.on(page.get_by_role("link", name="Register host").first)
    clicks.on(page.get_by_label("TCP with TLS"))
    page.locator("#id_tls_address").fill(f"127.0.0.1:{engine.port}")
    for field, file in (("ca", "ca"), ("certificate", "client-cert"), ("key", "stranger-key")):
        page.locator(f"#id_tls_{field}").set_input_files(files.file(file))
        if field != "key":
            expect(page.locator(f"#id_tls_{field}_replace")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Pick the other file")
    assert flaws(page, "host-new-tls-wrong") == []
    page.locator("#id_tls_key").set_input_files(files.file("client-key"))
    expect(page.get_by_text("Belongs to the certificate.")).to_be_visible()
    expect(page.get_by_text("Issued by").first).to_be_visible()
    clicks.on(page.get_by_role("button", name="Test connection"))
    expect(page.locator(".tried .strip-good")).to_contain_text("1 container found on joined")
    expect(page.locator(".tried")).to_contain_text("can do everything that Docker can")
    assert not Host.objects.exists()
    assert flaws(page, "host-new-tls-good") == []
    clicks.on(page.get_by_role("button", name="Save and scan now"))
    expect(page.get_by_role("heading", level=1)).to_have_text("joined")
    scanned(Host.objects.get())
    first_findings(page, clicks)
    assert clicks.count <= 9
    page.goto("/hosts/joined/?tab=connection")
    expect(page.get_by_text("The engine's certificate")).to_be_visible()
    assert flaws(page, "host-connection-tls") == []
    page.goto("/hosts/joined/edit/")
    assert flaws(page, "host-edit-tls") == []


def test_over_ssh_with_a_key_made_here(browser_page: Page, ssh: SshServer) -> None:
    page, clicks = browser_page, Clicks()
    sign_in(page, person("bob"))
    page.goto("/hosts/")
    clicks.on(page.get_by_role("link", name="Register host").first)
    clicks.on(page.get_by_label("SSH"))
    page.locator("#id_ssh_address").fill(f"127.0.0.1:{ssh.port}")
    clicks.on(page.get_by_role("button", name="Make a key here"))
    line = page.locator(".secret .key-line code").inner_text()
    ssh.authorize(MEMBER, line)
    expect(page.get_by_role("button", name="Make a new key here")).to_be_visible()
    clicks.on(page.get_by_role("button", name="Test connection"))
    expect(page.locator(".tried")).to_contain_text(certificates.fingerprint(ssh.host_key))
    assert flaws(page, "host-new-ssh-first-contact") == []
    clicks.on(page.get_by_role("button", name="I compared it, trust"))
    expect(page.locator(".tried .strip-good")).to_contain_text("rules can be checked")
    assert not Host.objects.exists()
    assert flaws(page, "host-new-ssh-good") == []
    clicks.on(page.get_by_role("button", name="Save and scan now"))
    expect(page.get_by_role("heading", level=1)).to_have_text("joined")
    host = Host.objects.get()
    kept = queries.credentials(host.pk)
    assert isinstance(kept, Ssh)
    assert certificates.public_key(kept.key).split()[:2] == line.split()[:2]
    scanned(host)
    first_findings(page, clicks)
    assert clicks.count <= 9
    page.goto("/hosts/joined/?tab=connection")
    expect(page.get_by_text("Word for word").first).to_be_visible()
    assert flaws(page, "host-connection-ssh") == []
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".ladder")).to_be_visible()
    assert flaws(page, "host-test") == []


def test_without_script_a_test_shows_what_was_given(browser_page: Page, engine: Engine) -> None:
    files = engine.certificates
    assert files
    page = browser_page
    sign_in(page, person("bob"))
    # As a browser without scripts would: htmx never hears of the change.
    page.route("**/htmx.min.js", lambda route: route.fulfill(body="", status=200))
    page.goto("/hosts/new/")
    page.get_by_label("TCP with TLS").check()
    page.locator("#id_tls_address").fill(f"127.0.0.1:{engine.port}")
    page.locator("#id_tls_ca").set_input_files(files.file("ca"))
    page.locator("#id_tls_certificate").set_input_files(files.file("client-cert"))
    page.locator("#id_tls_key").set_input_files(files.file("client-key"))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".tried .strip-good")).to_be_visible()
    expect(page.get_by_text("Belongs to the certificate.")).to_be_visible()
    page.get_by_role("button", name="Save only").click()
    expect(page.get_by_text("Nothing is scanned yet.")).to_be_visible()
    assert queries.credentials(Host.objects.get().pk) is not None
