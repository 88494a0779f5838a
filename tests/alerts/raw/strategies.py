"""Random lines, documents and cells, rich in what parsers disagree about."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

from hypothesis import strategies as st

from alerts.raw.tables import find_table

NUMBERS = st.one_of(
    st.sampled_from(
        [
            "0", "-0", "-0.0", "1", "1.0", "1e5", "1E+5", "1e-05", "5e-324", "1e-400", "1e400",
            "0e999", "0e-20000", "01", "1.", ".5", "+1", "-", "NaN", "Infinity", "0.0005",
            "12345678901234567890123", "0.1234567890123456789", "999999999999999.9995",
            "1000000000000000", "1" * 310, "0." + "0" * 330 + "1",
        ]
    ),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
)  # fmt: skip
STRINGS = st.one_of(
    st.text(max_size=8).map(json.dumps),
    st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        [
            '""', r'"\u0000"', r'"\\u0000"', r'"\ud800"', r'"\ud83d\ude00"', r'"\udc00\ud800"',
            '"\t"', r'"\q"', '"[{"', r'"a\":{"', r'"\u005c\u0022"', '"a b"', r'"\/"',
            '"' + "x" * 600 + '"',
        ]
    ),
)  # fmt: skip
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.one_of(
    st.sampled_from(
        [
            "2025-01-05T10:00:00Z", "2025-01-05 10:00:00", "2025-01-05", "now", "20250105",
            "2024-02-29T00:00:00+0130", "2023-02-29T00:00:00Z", "2025-01-05T24:00:00Z",
            "2025-01-05T10:00:60Z", "2025-01-05T10:00:00.1234565Z", "1850-01-01T00:00:00Z",
            "0000-12-31T23:30:00-01:00", "9999-12-31T23:30:00-01:00", "2025-01-05T10:00Z",
            "2025-01-05T10:00:00+01", "2025-01-05T10:00:00+24:00", "",
        ]
    ),
    st.datetimes().map(lambda value: value.isoformat()),
    st.datetimes(timezones=OFFSETS).map(lambda value: value.isoformat(" ")),
    st.from_regex(
        r"\A(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{1,8})?(Z|[+-][0-2][0-9]:?[0-6][0-9])?\Z"
    ),
)  # fmt: skip
BLANKS = st.sampled_from(["", "", "", " ", "\t", " \r"])
KEYS = st.sampled_from(['"a"', '"b"', r'"\u0061"', '"a b"', '"é"', '""'])


def _object(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(KEYS, BLANKS, values, BLANKS).map(lambda m: f"{m[0]}{m[1]}:{m[3]}{m[2]}")
    return st.tuples(
        st.lists(member, max_size=4), BLANKS, st.sampled_from(["}"] * 15 + [",}"])
    ).map(lambda parts: "{" + parts[1] + ("," + parts[1]).join(parts[0]) + parts[2])


def _array(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")


VALUES = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["null", "true", "false", "True", "nul"])),
    lambda inner: st.one_of(_object(inner), _array(inner)),
    max_leaves=8,
)
DOCUMENTS = st.one_of(
    _object(VALUES),
    _array(VALUES),
    VALUES,
    st.sampled_from([252, 253, 254, 400, 1200]).map(
        lambda depth: '{"":[' * (depth // 2) + "]}" * (depth // 2)
    ),
    st.sampled_from(['{"a":"x', 'y"}', '{"a":1},{"b":2}', "{}}", "{} {}", '{"a":[1', "2]}"]),
)


@st.composite
def json_lines(draw: st.DrawFn, table: str = "personalization_metrics") -> bytes:
    """One line: mostly a plausible row, its values often odd, its bytes sometimes damaged."""
    members = []
    for column in find_table(table).columns:
        plausible = {
            "text": STRINGS,
            "timestamp": TIMES.map(json.dumps),
            "boolean": st.sampled_from(["true", "false", "null"]),
            "numeric": NUMBERS,
            "document": DOCUMENTS,
            "list": DOCUMENTS,
        }[column.kind]
        sound = {
            "text": '"x"',
            "timestamp": '"2025-01-05T10:00:00Z"',
            "boolean": "true",
            "numeric": "1.5",
            "document": '{"a": 1}',
            "list": "[1]",
        }[column.kind]
        value = draw(st.one_of(st.just(sound), st.just(sound), st.just("null"), plausible, VALUES))
        name = draw(st.sampled_from([column.name] * 40 + ["", "other", "loaded_at"]))
        if name:
            members.append(json.dumps(name) + draw(BLANKS) + ":" + draw(BLANKS) + value)
            if draw(st.integers(0, 60)) == 0:
                members.append(f'"{name}":{draw(VALUES)}')
    text = draw(BLANKS) + "{" + ",".join(members) + "}" + draw(BLANKS)
    line = text.encode("utf-8", "surrogatepass").replace(b"\n", b" ")
    if draw(st.integers(0, 25)) == 0:
        place = draw(st.integers(0, len(line) - 1))
        odd = draw(st.sampled_from([b"\x00", b"\xff", b"", b"}", b'"', b",", b"\xed\xa0\x80"]))
        line = line[:place] + odd + line[place + 1 :]
    return line
