import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.raw.columns import build
from alerts.raw.documents import MAX_DEPTH, certified, check_document, nesting, write_json
from alerts.raw.tables import Column
from alerts.raw.values import Rejection
from tests.alerts.raw.strategies import DOCUMENTS

DOCUMENT = Column("metadata", "document", "")


def judged(text: str) -> str | None:
    """What is stored, or None where it is refused."""
    try:
        return check_document(text, "{")
    except Rejection:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1", '"x"', "[]", "[{}]", "{", "{}}", "{} {}", '{"a":1,}', '{"a":[1,]}', "{'a':1}",
        '{a:1}', '{"a":01}', '{"a":NaN}', '{"a":-Infinity}', '{"a":1e400}', '{"a":[-1e400]}',
        '{"a":1e-400}', '{"a":0e-20000}', '{"a":"\t"}', r'{"a":"\q"}', r'{"a":"\u12"}',
        r'{"a":"\u0000"}', r'{"\u0000":1}', r'{"a":"\ud800"}', r'{"a":"\udc00\ud800"}',
        r'{"\udfff":1}', r'{"a":"\ud800","a":1}', r'{"a":"\\\u0000"}', '{"a":1}\x0c', "\ufeff{}",
        '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
)  # fmt: skip
def test_refused_documents(text: str) -> None:
    assert judged(text) is None
    assert not certified([text.encode()], "{")


@pytest.mark.parametrize(
    "text",
    [
        "{}", ' {"a" : [ 1.50 , 1E5 ] } ', r'{"a":"\ud83d\ude00\\u0000"}', '{"a":"é"}',
        '{"a":0.1234567890123456789}', '{"a":12345678901234567890123}', '{"a":5e-324}',
        '{"a":1e308}', '{"a":-0}', '{"a":"[[{{"}',
        '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH,
    ],
)  # fmt: skip
def test_documents_stored_as_they_are(text: str) -> None:
    assert judged(text) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('{"a":1,"a":2}', '{"a":2}'),
        (r'{"a":1,"\u0061":2.0}', '{"a":2.0}'),
        ('{ "b":{"c":1e400,"c":"é\\"\\n"} , "d":[null,true,1.50]}',
         '{"b":{"c":"é\\"\\n"},"d":[null,true,1.50]}'),
    ],
)  # fmt: skip
def test_of_duplicate_keys_the_last_is_stored(text: str, stored: str) -> None:
    assert judged(text) == stored


@settings(max_examples=200, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_what_is_certified_would_be_stored_unchanged(texts: list[str]) -> None:
    try:
        documents = [text.encode() for text in texts]
    except UnicodeEncodeError:  # the formats refuse those before
        return
    array, faults = build(DOCUMENT, list(documents), is_key=False)
    for row, text in enumerate(texts):
        stored = judged(text)
        assert array[row].as_py() == stored
        assert (row in faults) == (stored is None and text.strip() != "null")
        if certified([documents[row]], "{"):
            assert stored == text


def test_broken_documents_cannot_join_into_sound_ones() -> None:
    texts = ['{"a":1},{"b":2}', '{"c":[1', "2]}"]
    array, faults = build(DOCUMENT, list(texts), is_key=False)
    assert array.null_count == 3
    assert set(faults.values()) == {"invalid_json"}


def test_the_certificate_ends_where_the_depth_limit_is() -> None:
    """If orjson ever writes deeper than this, `certified` must learn to count."""
    deepest = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert certified([deepest.encode()], "{")
    assert not certified([b'{"a":' + deepest.encode() + b"}"], "{")


def test_nesting_ignores_brackets_in_texts() -> None:
    assert nesting(r'{"a":"[[[\"[","b":[{}]}') == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_written_json_reads_back(value: object) -> None:
    assert json.loads(write_json(value)) == value
