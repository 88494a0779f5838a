"""What a rule file means, character by character, and what it refuses."""

from pathlib import Path

import pytest

from alerts.errors import ConfigurationError
from alerts.rules.strict_yaml import MAX_BYTES, read


def content(tmp_path: Path, text: str) -> object:
    file = tmp_path / "f.yml"
    file.write_text(text)
    return read(file).content


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12:30", "12:30"),
        ("1e-3", 0.001),
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("2025-01-01", "2025-01-01"),
        (".nan", ".nan"),
        (".5", ".5"),
        ("-0.15", -0.15),
        ("7", 7),
        ("'7'", "7"),
        ('"true"', "true"),
        ("< 0.04", "< 0.04"),
        ("", None),
    ],
)
def test_a_plain_word_is_what_json_would_make_of_it_or_text(
    tmp_path: Path, written: str, value: object
) -> None:
    assert content(tmp_path, f"key: {written}\n") == {"key": value}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is given twice, first on line 1"),
        ("a: &x 1\n", 1, "an anchor"),
        ("a: 1\nb: *x\n", 2, "an alias"),
        ("a: !!python/object:os.system {}\n", 1, "a tag"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("5: a\n", 1, "the key '5' is not text"),
        ("true: a\n", 1, "the key 'true' is not text"),
        ("[a]: b\n", 1, "is not text"),
        ("a: [1, 2\n", 2, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: \x00\n", 1, "a character that YAML does not allow"),
        ("[" * 60, 1, "nested more than"),
    ],
)
def test_what_is_refused_and_where(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        content(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'f.yml'}:{line}: ")
    assert message in str(caught.value)


def test_an_alias_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(ConfigurationError, match="an anchor"):
        content(tmp_path, bomb)


def test_a_file_over_a_megabyte_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="larger than 1 MB"):
        content(tmp_path, "# " + "x" * MAX_BYTES)


def test_a_missing_file_a_directory_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read(tmp_path / "none.yml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read(tmp_path)
    file = tmp_path / "f.yml"
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigurationError, match=r"f\.yml:2: not UTF-8"):
        read(file)


def test_an_empty_file_has_no_content(tmp_path: Path) -> None:
    assert content(tmp_path, "# nothing\n") is None
