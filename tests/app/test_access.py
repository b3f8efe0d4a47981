"""Names and hosts from outside."""

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.app.access import is_here, is_token, new_token, safe_name, within
from caml.errors import InputError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("cell.csv", "cell.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\cell.csv", "cell.csv"),
        ("C:\\cell.csv", "cell.csv"),
        ("C:cell.csv", "cell.csv"),
        ("/etc/cell.csv", "cell.csv"),
        (".bashrc", "bashrc"),
        ("a\x00b\nc.csv", "a_b_c.csv"),
        ("ab|c?.csv", "ab_c_.csv"),
        ("con.csv", "_con.csv"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
        # Bytes are what file systems count.
        ("😀" * 100 + ".csv", "😀" * 24 + ".csv"),
        ("a.csv" + "b" * 300, "a.csv" + "b" * 95),
        ("ʻcell​ 1.csv", "ʻcell_ 1.csv"),
    ],
)
def test_of_a_name_from_outside_one_of_a_file_is_left(given: str, name: str) -> None:
    assert safe_name(given) == name


@pytest.mark.parametrize("given", ["", "..", "/", "...", "  ", "a/.."])
def test_a_name_of_which_nothing_is_left_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="is no name for a file"):
        safe_name(given)


def test_links_out_of_a_folder_are_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").touch()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    assert within(tmp_path / "in" / "file", tmp_path / "in")
    assert not within(tmp_path / "in" / "link", tmp_path / "in")
    assert not within(tmp_path / "in" / ".." / "secret", tmp_path / "in")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:80", True),
        ("localhost:80", True),
        ("evil.example:80", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_other_hosts_are_not_here(host: str, here: bool) -> None:
    assert is_here(host) is here


def test_tokens() -> None:
    token = new_token()
    assert is_token(token, token)
    assert not is_token(token[:-1], token)
    assert not is_token("ü", token)
    assert new_token() != token
