from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.raw.tables import Column
from alerts.raw.values import (
    Rejection,
    parse_boolean,
    parse_number,
    parse_time,
    printable,
    storable_number,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DWELL = Column("dwell_time_ms", "numeric", "", 18, 3)


def moment(text: str) -> datetime:
    return EPOCH + timedelta(microseconds=parse_time(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-05T10:00:00Z", "2025-01-05T10:00:00+00:00"),
        ("2025-01-05 10:00:00", "2025-01-05T10:00:00+00:00"),
        ("2025-01-05T10:00:00+0130", "2025-01-05T08:30:00+00:00"),
        ("2025-01-05T10:00:00.1234564-01:00", "2025-01-05T11:00:00.123456+00:00"),
        ("2025-01-05T10:00:00.1234565Z", "2025-01-05T10:00:00.123457+00:00"),
        ("1969-12-31T23:59:59.9999995Z", "1970-01-01T00:00:00+00:00"),
        ("1900-02-28T23:59:59.1234565Z", "1900-02-28T23:59:59.123457+00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("0000-12-31T23:30:00-01:00", "0001-01-01T00:30:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert moment(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "today", "2025-01-05", "20250105", "20250105T100000Z", "1736071200",
        "2025-01-05T10:00", "2025-01-05T10:00Z", "2025-01-05T24:00:00Z", "2025-01-05T10:00:60Z",
        "2025-01-05T10:60:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
        "2025-01-00T00:00:00Z", "2025-1-5T10:00:00Z", "2025-01-05t10:00:00z",
        "2025-01-05T10:00:00+01", "2025-01-05T10:00:00+24:00", "2025-01-05T10:00:00+01:60",
        "2025-01-05T10:00:00.Z", "2025-01-05T10:00:00,5Z", "2025-01-05T10:00:00 Z",
        " 2025-01-05T10:00:00Z", "2025-01-05T10:00:00Z\n", "2025-01-05  10:00:00Z",
        "\uff12025-01-05T10:00:00Z", "0000-01-01T00:00:00Z", "0000-12-31T23:59:59.9999994Z",
        "9999-12-31T23:59:59.9999995Z", "9999-12-31T23:30:00-01:00", "infinity",
        "2025-01-05T10:00:00 UTC", "10000-01-01T00:00:00Z", "-2025-01-05T10:00:00Z",
    ],
)  # fmt: skip
def test_no_times(text: str) -> None:
    with pytest.raises(Rejection, match="invalid_time"):
        parse_time(text)


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_any_time_as_datetime_reads_it(value: datetime, minutes: int) -> None:
    aware = value.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert moment(aware.isoformat()) == aware


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0.000"),
        ("-0", "0.000"),
        ("12.5", "12.500"),
        ("0.0005", "0.001"),
        ("-0.0005", "-0.001"),
        ("0.00049999999999999999999999999", "0.000"),
        ("1.00049999999999999999999999999", "1.000"),
        ("1e3", "1000.000"),
        ("1.5E-2", "0.015"),
        ("1e-99999999999999999999", "0.000"),
        ("0e99999999999999999999", "0.000"),
        ("1e" + "0" * 5000 + "3", "1000.000"),
        ("1" + "0" * 5000 + "e-5000", "1.000"),
        ("0." + "0" * 5000 + "1e5001", "1.000"),
        ("999999999999999.9994", "999999999999999.999"),
        ("-999999999999999.999", "-999999999999999.999"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert parse_number(text, DWELL) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        "", "NaN", "Infinity", "-Infinity", "1e400", "1e99999999999999999999", "+1", "01", "1.",
        ".5", "1_000", "1,5", " 1", "1 ", "0x10", "\uff11", "true", "null", '"1"', "--1", "1e",
        "1000000000000000", "999999999999999.9995", "-999999999999999.9995",
    ],
)  # fmt: skip
def test_no_numbers(text: str) -> None:
    with pytest.raises(Rejection, match="invalid_number"):
        parse_number(text, DWELL)


@given(st.decimals(-(10**14), 10**14, allow_nan=False), st.integers(-12, 12))
def test_any_number_as_decimal_rounds_it(value: Decimal, shift: int) -> None:
    text = f"{value:f}e{shift}"
    with localcontext(prec=200):
        expected = Decimal(text).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
    if abs(expected) < 10**15:
        assert parse_number(text, DWELL) == expected
    else:
        with pytest.raises(Rejection):
            parse_number(text, DWELL)


def test_booleans() -> None:
    assert parse_boolean("true") is parse_boolean("TRUE") is parse_boolean("True") is True
    assert parse_boolean("false") is parse_boolean("FaLsE") is False
    for text in ("", "1", "0", "t", "yes", "null", " true", "ﬀalse"):
        with pytest.raises(Rejection, match="invalid_boolean"):
            parse_boolean(text)


@pytest.mark.parametrize(
    ("token", "storable"),
    [
        ("1e308", True), ("1e309", False), ("-1e400", False), ("5e-324", True), ("1e-400", False),
        ("0e999", True), ("0e1000", False), ("0e-20000", False), ("-0.0", True),
        ("1" * 300, True), ("1" * 400, False), ("0." + "0" * 400 + "1", False),
        ("1." + "0" * 998, True), ("1." + "0" * 999, False), ("0." + "0" * 400 + "1e400", True),
    ],
)  # fmt: skip
def test_numbers_inside_documents(token: str, storable: bool) -> None:
    assert storable_number(token) is storable


def test_odd_bytes_are_shown_not_lost() -> None:
    assert printable(b"a\xffb\x00c\xc3\xa9") == "a\\xffb\\x00cé"
