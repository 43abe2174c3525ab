"""`plimsoll rule check`, and rules of one's own in a scan's command line."""

import io
import json
import sys
from pathlib import Path

import pytest

from scanner.__main__ import main
from tests.scanner.custom import examples, ruled


def folder(tmp_path: Path, **texts: str) -> str:
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return str(tmp_path)


def test_a_file_a_folder_and_standard_input_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(tmp_path, one="---\n".join(examples().values()), two=ruled("true"))
    assert main(["rule", "check", place]) == 0
    shown = capsys.readouterr().out
    assert all(slug in shown for slug in (*examples(), "custom-example"))
    assert main(["rule", "check", f"{place}/two.yaml", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["slug"] == "custom-example"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ruled("true").encode())))
    assert main(["rule", "check", "-"]) == 0


def test_what_is_wrong_is_told_as_compilers_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder(tmp_path, one=ruled("container.memry == 0"), two=ruled("true"), three="[")
    assert main(["rule", "check", place]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{place}/one.yaml:8:13: fails_when: Container has no field 'memry'")
    assert lines[1].startswith(f"{place}/three.yaml:2:1: cannot be read as YAML")
    assert main(["rule", "check", f"{place}/one.yaml", "--format", "json"]) == 1
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["column"]) == (8, 13)


def test_two_files_with_one_slug_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rule", "check", folder(tmp_path, one=ruled("true"), two=ruled("false"))]) == 1
    assert "there is another rule 'custom-example'" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_what_cannot_be_read_is_said(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.yaml"
    if content is not None:
        file.write_bytes(content)
    assert main(["rule", "check", str(file)]) == 2
    assert "plimsoll: " in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["rule", "check", str(empty)]) == 2
    assert "no file that ends in .yaml" in capsys.readouterr().err


def test_a_scan_refuses_them_before_it_asks_the_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder(tmp_path, one=ruled("container.memry == 0"))
    assert main(["scan", "unix:///no/such.sock", "--rules", place]) == 2
    assert "did you mean memory?" in capsys.readouterr().err
    assert main(["scan", "unix:///no/such.sock", "--rule", "custom-none"]) == 2
    assert "there is no rule 'custom-none' without --rules" in capsys.readouterr().err
