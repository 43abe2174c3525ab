from pathlib import Path

import pytest

from portal.serve.options import read
from portal.serve.refused import Refused


def test_without_settings_it_listens_on_loopback_alone_and_brings_its_own_servers():
    options = read({})
    assert options.listen == "127.0.0.1:8000"
    assert options.address == "http://127.0.0.1:8000"
    assert options.database_url == options.redis_url == ""
    assert options.places.data.name == "var"


@pytest.mark.parametrize(
    ("bind", "listen", "address"),
    [
        ("0.0.0.0", "0.0.0.0:81", "http://127.0.0.1:81"),
        ("::", "[::]:81", "http://[::1]:81"),
        ("10.0.0.7", "10.0.0.7:81", "http://10.0.0.7:81"),
    ],
)
def test_it_says_an_address_that_a_browser_here_can_open(bind: str, listen: str, address: str):
    options = read({"PLIMSOLL_BIND": bind, "PLIMSOLL_PORT": "81"})
    assert (options.listen, options.address) == (listen, address)


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "8_0"])
def test_what_is_no_port_is_refused(port: str):
    with pytest.raises(Refused, match="PLIMSOLL_PORT"):
        read({"PLIMSOLL_PORT": port})


def test_an_address_may_lie_in_a_file_which_must_be_there(tmp_path: Path):
    (tmp_path / "database").write_text("postgresql://u:p@db/x\n")
    environment = {"PLIMSOLL_DATABASE_URL_FILE": str(tmp_path / "database")}
    assert read(environment).database_url == "postgresql://u:p@db/x"
    with pytest.raises(Refused, match="PLIMSOLL_DATABASE_URL_FILE"):
        read({"PLIMSOLL_DATABASE_URL_FILE": str(tmp_path / "absent")})
