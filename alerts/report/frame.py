"""What every page has: its head, its stylesheet, how values get into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from alerts.report.style import stylesheet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ sheet }}</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p class="lead">{{ summary }}</p>
<ul class="verdicts">
{%- for text, kind in verdicts %}
  <li class="chip{{ ' ' ~ kind if kind }}">{{ text }}</li>
{%- endfor %}
</ul>

{% block body %}{% endblock %}

<footer>{% block footer %}{% endblock %}</footer>
</main>
</body>
</html>
"""


def render_page(
    template: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]
) -> str:
    """A page as text, complete in itself; every value is escaped that is no markup.

    Args:
        template: Extends `frame`; its blocks are `body` and `footer`.
        values: `title`, `summary`, `verdicts` (text and class of each), and what the blocks name.
        filters: What the blocks write values with.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.DictLoader({"frame": _FRAME}),
    )
    environment.filters.update(filters)
    sheet = Markup(stylesheet())  # noqa: S704 - our own text
    page: str = environment.from_string(template).render(sheet=sheet, **values)
    return page


def drawing(svg: str) -> Markup:
    """A drawing is markup: vl-convert has escaped the texts in it."""
    return Markup(svg)  # noqa: S704
