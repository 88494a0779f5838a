"""The page of a readout as a Jinja template, within the frame. Every value is escaped."""

TEMPLATE = """{% extends "frame" %}
{% macro table(listing) %}
<div class="table tight"><table>
  <thead><tr>{% for name in listing.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead>
  <tbody>
  {%- for row in listing.rows %}
  <tr>
    {%- for cell in row -%}
    <td{% if cell | tone %} class="{{ cell | tone }}"{% endif %}>{{ cell }}</td>
    {%- endfor %}
  </tr>
  {%- endfor %}
  </tbody></table></div>
{% endmacro %}
{% macro lines(sentences) %}
{%- for sentence in sentences %}<p class="hint">{{ sentence }}</p>{% endfor %}
{% endmacro %}

{% block body %}
<ul class="reasons">
{%- for reason in reasons %}
  <li>{{ reason }}</li>
{%- endfor %}
{%- for line in advice %}
  <li><b>What to do:</b> {{ line }}</li>
{%- endfor %}
</ul>

{% if problems %}
<h2>Problems</h2>
<ul class="reasons">
{%- for problem in problems %}
  <li><span class="chip {{ 'bad' if problem.is_fatal else 'note' }}">
    {{- 'invalid' if problem.is_fatal else 'warning' }}</span> {{ problem.sentence }}</li>
{%- endfor %}
</ul>
{% endif %}

{% if split %}
<h2>Users by arm</h2>
<p class="hint">Do the arms hold the users that the weights promise? If not, nothing below counts.
</p>
{{ table(split) }}
{{ lines(split_lines) }}
{% endif %}

{% if schedule %}
<h2>How far it is</h2>
<div class="progress">
  <span>Days</span>
  <progress max="{{ days[1] }}" value="{{ days[0] }}" aria-label="Full days"></progress>
  <span>{{ days[0] }}, decided on day {{ days[1] }}</span>
  {% if schedule.horizon_users %}
  <span>Users</span>
  <progress max="{{ schedule.horizon_users }}" value="{{ schedule.users }}"
    aria-label="Exposed users"></progress>
  <span>{{ schedule.users | count }} of {{ schedule.horizon_users | count }} planned</span>
  {% endif %}
</div>
{{ lines(progress) }}
{% endif %}

{% if lifts %}
<h2>Lifts against control</h2>
<p class="hint">{{ intervals }}. A bar is where the lift may well lie; what is decided, and by
which metrics, stands at the top.</p>
<figure class="card tall" role="img" aria-label="Lift of each metric">{{ lifts }}</figure>
{% endif %}

{% if looks %}
<h2>Day by day</h2>
<p class="hint">Difference from control, with what is known on each day. {{ sequence }}</p>
<ul class="key">
  <li><i class="series"></i>difference so far</li>
  <li><i class="band"></i>holds at every look together: harm is certain where it lies on the worse
    side of 0</li>
  <li><i class="before"></i>fixed interval: not valid but on day N</li>
</ul>
<div class="grid">
{%- for look in looks %}
  <figure class="card"><h3>{{ look.name }}</h3>
    <p class="hint">{{ look.said }}</p>
    <div role="img" aria-label="{{ look.name }} by day">{{ look.drawing }}</div>
    <details><summary>The figures of each day</summary>{{ table(look.listing) }}
    </details>
  </figure>
{%- endfor %}
</div>
{% endif %}

{% if metrics %}
<h2>{{ metrics.title }}</h2>
{{ table(metrics) }}
{{ lines(beside) }}
{% endif %}

{% if guardrails %}
<h2>{{ guardrails.title }}</h2>
{{ table(guardrails) }}
{{ lines(guardrail_notes) }}
{% endif %}

{% if segments %}
<h2>{{ segments.title }}</h2>
{{ table(segments) }}
{{ lines(segment_notes) }}
{% endif %}
{% endblock %}

{% block footer %}
Made by <code>recwatch readout {{ key }} --html</code> from the marts in the schema
<code>experiments</code>.
{% endblock %}
"""
