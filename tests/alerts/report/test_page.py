"""The page: complete in itself, escaped, and right about what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from alerts.errors import ConfigurationError
from alerts.report import charts, drawing
from alerts.report.content import Alarm
from alerts.report.page import percent, render, seconds, weekday, write_report
from tests.alerts.report.samples import DAYS, FIRST, content, figures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def page() -> str:
    return render(figures(), content())


def drawings(page: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_nothing_comes_from_elsewhere(page: str) -> None:
    assert not re.search(r"https?:|@import|<script|<link|<img|\bsrc=|url\((?!#)", page)


def test_texts_are_escaped(page: str) -> None:
    assert "<script>" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;friends&#34;") == 2 + 2 * 3


def test_every_surface_has_its_panels(page: str) -> None:
    assert len(drawings(page)) == 2 * 2 + 2 * 3 + 1 + 2
    assert page.count('aria-label="Click-through rate of home per day, 2025-06-02') == 1


def test_names_inside_drawings_are_unique(page: str) -> None:
    ids = [element.get("id") for svg in drawings(page) for element in svg.iter()]
    named = [one for one in ids if one]

    assert len(named) == len(set(named))


def test_every_colour_comes_from_the_stylesheet(page: str) -> None:
    used = {
        value
        for svg in drawings(page)
        for element in svg.iter()
        for name in ("fill", "stroke")
        if (value := element.get(name)) and value not in {"none", "transparent"}
    }

    assert used <= drawing.COLORS.keys()
    assert all(f'[fill="{color}"]' in page for color in used)


def test_numbers_below_their_minimum_stand_out(page: str) -> None:
    assert "<b class=bad>3.0 %</b>" in page
    assert page.count("class=bad") == 1  # pdp has no minimum
    assert "<small>min –</small>" in page  # noqa: RUF001


def test_firing_rules_stand_on_their_surface(page: str) -> None:
    assert page.count('<span class="chip bad">ctr-floor</span>') == 1
    assert page.count('<span class="chip">ok</span>') == 1
    assert page.count("false alarm") == 2


def test_counts_are_held_against_the_plan(page: str) -> None:
    assert page.count('<span class="chip">exact</span>') == 1
    assert page.count('<span class="chip bad">differs</span>') == 1


def test_alarms_are_drawn_where_they_fired() -> None:
    given = content()
    home = figures().surfaces[0]
    drawn = charts.panel(figures(), home, "ctr", given.shades, given.alarms)
    other = charts.panel(figures(), home, "avg_dwell_ms", given.shades, given.alarms)

    assert f'fill="{charts.ALARM}"' in drawn  # the day
    assert f'stroke="{charts.ALARM}"' in drawn  # the week
    assert f'fill="{charts.SHADE}"' in drawn
    assert charts.ALARM not in other
    assert charts.SHADE not in other


def test_a_day_without_data_is_a_gap() -> None:
    drawn = charts.panel(figures(), figures().surfaces[0], "ctr", (), ())
    (line,) = re.findall(rf'd="([^"]*)"[^>]*stroke="{charts.SERIES}"', drawn)

    assert line.count("M") == 2


def line(drawn: str) -> str:
    (found,) = re.findall(rf'd="([^"]*)"[^>]*stroke="{charts.SERIES}"', drawn)
    return str(found)


def test_a_place_s_days_have_its_limit_and_what_fired() -> None:
    (place, _) = figures().places
    low = Alarm(
        "below",
        "warn",
        place.name,
        "personalized_impression_rate",
        DAYS[1],
        DAYS[2],
        False,
        False,
        "",
    )
    drawn = charts.served(place, "personalized_impression_rate", 0.55, [low])

    assert drawn.count(f'fill="{charts.ALARM}"') == 1  # the second of these days has no row
    assert f'stroke="{charts.LIMIT}"' in drawn
    assert line(drawn).count("M") == 2
    overlap = charts.served(place, "catalog_overlap_pct", None, [low])
    assert charts.ALARM not in overlap
    assert charts.LIMIT not in overlap
    assert charts.ALARM not in charts.served(
        place, "personalized_impression_rate", 0.55, [replace(low, surface="home")]
    )


def test_five_minutes_are_drawn_for_one_day_with_their_gaps() -> None:
    drawn = charts.moments(figures().places[0], 0.55)

    assert line(drawn).count("M") == 2
    assert line(drawn).count("L") == 285
    assert re.findall(r">(\d\d:\d\d)<", drawn)[:2] == ["00:00", "06:00"]
    assert f'stroke="{charts.LIMIT}"' in drawn


def test_a_report_of_little(page: str) -> None:
    little = replace(figures(), funnel=(), histogram=None, coverage={}, places=())
    nothing = replace(
        content(), alarms=(), truth=(), shades=(), counts=(), false_alarms=(), histogram=None
    )
    bare = render(little, nothing)

    assert "Nothing was planted." in bare
    assert "Nothing fired." in bare
    assert "From impression to save" not in bare
    assert "Personalized share" not in bare
    assert len(bare) < len(page)


def test_an_earlier_report_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, figures(), content())

    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"report\.html: cannot be written: No such file"):
        write_report(tmp_path / "none" / "report.html", figures(), content())


def test_numbers_for_people() -> None:
    assert percent(0.0724) == "7.2 %"
    assert percent(None) == seconds(None) == "–"  # noqa: RUF001
    assert seconds(12_430) == "12.4 s"
    assert weekday(FIRST) == "Monday"
    assert weekday(DAYS[6]) == "Sunday"


def test_altair_is_imported_only_to_draw() -> None:
    modules = "alerts.demo.run, alerts.demo.publish, alerts.cli.demo, alerts.cli.check"
    code = f"import sys, {modules}; print('altair' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout == "False\n"
