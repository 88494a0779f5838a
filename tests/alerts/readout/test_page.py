"""The page of a readout: complete in itself, escaped, and right about what may be read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from alerts.experiments.guardrail_file import load_guardrails
from alerts.experiments.readout import read_out
from alerts.readout.page import render
from alerts.report import drawing
from tests.alerts.experiments.made import Arm, Made, metric

if TYPE_CHECKING:
    from alerts.experiments.readout import Readout

HOSTILE = '<script>alert(1)</script> & "friends"'


class Tags(HTMLParser):
    """That what is opened is closed, and which texts there are outside of drawings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def looked(made: Made, number: int | None = None) -> Readout:
    """The readout with its daily looks, as the command reads it."""
    evidence = made.evidence(number)
    last = made.days - 1 if number is None else number
    looks = {
        made.day(one): {
            cell: by_arm
            for cell, by_arm in made.evidence(one).moments.items()
            if cell.segment_type == "weight_period" and cell.metric == "ctr"
        }
        for one in range(last + 1)
    }
    settings = load_guardrails().settings(made.key)
    return read_out(replace(evidence, looks=looks), settings)


def made(**more: Any) -> Made:
    arms = {"control": Arm(), "treatment": Arm(rates={"ctr": 0.13})}
    return Made(arms, days=16, **more)


@pytest.fixture(scope="module")
def page() -> str:
    return render(looked(made()))


def drawings(page: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_nothing_comes_from_elsewhere(page: str) -> None:
    assert not re.search(r"https?:|@import|<script|<link|<img|\bsrc=|url\((?!#)", page)
    assert Tags(page).open == []


def test_the_recommendation_and_its_reasons_come_first(page: str) -> None:
    body = page.split("<h1>")[1]
    assert body.startswith("exp: Made [by hand]</h1>")
    assert body.index('<li class="chip large good">ship treatment</li>') < body.index("<h2>")
    assert body.index("<li>ctr in treatment +") < body.index("<h2>")
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == [
        "Users by arm",
        "How far it is",
        "Lifts against control",
        "Day by day",
        "Metrics against control, 95 % intervals",
        "Guardrails",
        "Segments (they explain, and decide nothing)",
    ]
    assert "Split of assigned users: fits" in page
    assert "Success is decided on day 14, 2025-03-16, once." in page


def test_all_that_comes_from_data_is_escaped() -> None:
    arms = {"control": Arm(), HOSTILE: Arm(1500)}
    metrics = (metric("ctr", "primary"), metric(HOSTILE, "guardrail", threshold="+10%"))
    plan = {"name": HOSTILE, "owner": HOSTILE}
    hostile = render(looked(Made(arms, days=3, key=HOSTILE, metrics=metrics, plan=plan)))
    assert "script" not in Tags(hostile).names
    assert "<script" not in hostile
    assert Tags(hostile).open == []
    # Title, heading, owner, command; the rest are arms and the guardrail.
    assert hostile.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10
    assert len(drawings(hostile)) == 2


def test_drawings_have_names_and_colours_of_the_page() -> None:
    arms = {"control": Arm(weight=1 / 3), "a": Arm(weight=1 / 3), "b": Arm(weight=1 / 3)}
    drawn = drawings(render(looked(Made(arms, days=5))))
    assert len(drawn) == 3
    ids = [one for svg in drawn for element in svg.iter() if (one := element.get("id"))]
    assert len(ids) == len(set(ids))
    assert {one.rsplit("-", 1)[0] for one in ids} == {"look-0", "look-1"}
    used = {
        value
        for svg in drawn
        for element in svg.iter()
        for name in ("fill", "stroke")
        if (value := element.get(name)) and value not in {"none", "transparent"}
    }
    assert used <= drawing.COLORS.keys()


def test_a_day_by_day_drawing_marks_day_n_and_both_bands(page: str) -> None:
    _, drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert "day N" in drawn
    assert drawn.count(f'fill="{drawing.BAND}"') == 1
    # Day one is not tested, and day N has an interval of its own.
    fixed = re.findall(rf'<line[^>]*stroke="{drawing.BEFORE}"', drawn)
    assert len(fixed) == 15
    assert len(re.findall(rf'<line[^>]*stroke="{drawing.SERIES}"', drawn)) == 1
    assert drawn.count(f'stroke="{drawing.LIMIT}"') == 1


def test_before_day_n_no_interval_stands_out() -> None:
    early = render(looked(made(), 8))
    _, drawn = re.findall(r"<svg.*?</svg>", early, re.DOTALL)
    assert not re.findall(rf'<line[^>]*stroke="{drawing.SERIES}"', drawn)
    assert "day N" in drawn
    assert "not valid before day 14)</p>" in early
    assert '<li class="chip large note">keep running until 2025-03-16</li>' in early
    assert early.count('<td class="quiet">not valid before day 14</td>') == 9


def test_what_is_invalid_says_what_to_do() -> None:
    lossy = render(looked(Made({"control": Arm(), "treatment": Arm(1000)}, days=3)))
    assert '<li class="chip large bad">invalid: sample ratio mismatch' in lossy
    assert '<span class="chip bad">invalid</span> sample ratio mismatch' in lossy
    assert "<b>What to do:</b> Stop reading the metrics." in lossy
    draft = {"started_at": None, "first_day": None, "status": "draft", "arms": 0, "control": None}
    empty = render(looked(Made(plan=draft, days=1)))
    assert "invalid: not started" in empty
    assert "<svg" not in empty
    assert "Day by day" not in empty
