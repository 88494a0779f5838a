"""The demo's page as a Jinja template, within the frame. Every value is escaped."""

TEMPLATE = """{% extends "frame" %}
{% block body %}
<h2>{{ figures.last_day | weekday }}, {{ figures.last_day }}</h2>
<p class="hint">The last complete day, by surface. Below each number its minimum from
<code>seeds/surfaces.csv</code>; coverage is the share of the day&rsquo;s sessions that saw the
surface.</p>
<div class="grid">
{%- for card in cards %}
  <section class="card">
    <header><h3>{{ card.surface.name }}</h3><span>
      {%- for rule in card.firing %} <span class="chip bad">{{ rule }}</span>
      {%- else %}<span class="chip">ok</span>{% endfor %}</span></header>
    <dl>
      <div><dt>CTR</dt><dd><b{{ ' class=bad' if card.ctr_low }}>{{ card.today.ctr | percent }}</b>
        <small>min {{ card.surface.min_ctr | percent(0) }}</small></dd></div>
      <div><dt>Dwell</dt>
        <dd><b{{ ' class=bad' if card.dwell_low }}>{{ card.today.avg_dwell_ms | seconds }}</b>
        <small>min {{ card.surface.min_dwell_ms | seconds }}</small></dd></div>
      <div><dt>Coverage</dt><dd><b>{{ card.coverage | percent(0) }}</b>
        <small>{{ card.today.impressions | count }} shown</small></dd></div>
    </dl>
  </section>
{%- endfor %}
</div>

{% macro panels(title, hint, drawn, keys) %}
<h2>{{ title }}</h2>
<p class="hint">{{ hint }}</p>
<ul class="key">
{%- for kind, meaning in keys %}
  <li><i class="{{ kind }}"></i>{{ meaning }}</li>
{%- endfor %}
</ul>
<div class="grid">
{%- for name, label, drawing in drawn %}
  <figure class="card" role="img" aria-label="{{ label }}"><h3>{{ name }}</h3>{{ drawing }}</figure>
{%- endfor %}
</div>
{% endmacro %}
{% set fires = ('dot', 'day on which an alert fires') %}
{% set engagement = [('shade', 'planted incident'), ('limit', 'minimum'), fires] %}

{{ panels('Click-through rate per day', 'Clicks per impression, one scale for all surfaces. A gap '
  'in the line is a day without data.', ctr, engagement + [('week', 'week on which one fires')]) }}
{{ panels('Dwell per day', 'Mean seconds spent on what was shown, clicked or not.', dwell,
  engagement) }}

{% if figures.places %}
{% set bound = [('limit', 'limit of the rule')] if content.limits else [] %}
{{ panels('Personalized share per day', 'Of the items that the recommender served, those that it '
  'chose for this user, by shop and surface.', share, bound + [fires]) }}
{{ panels('Personalized share by five minutes', 'One day in UTC: that of the newest alert on the '
  'share, else the last complete one. A gap is five minutes in which nothing was served.', moments,
  bound) }}
{{ panels('Overlap of what users are served', 'Mean Jaccard index of two users of the same day: 1 '
  'is the same list for everybody.', overlap, bound + [fires]) }}
{% endif %}

{% if histogram %}
<h2>Where the dwell of {{ figures.histogram.surface }} went</h2>
<p class="hint">A mean hides what moved. The share of dwells in each bucket
{%- if content.histogram %}, the days of the incident against the week before{% endif %}.</p>
<ul class="key">
{%- for days in figures.histogram.spans %}
  <li><i class="{{ 'before' if loop.revindex == 2 else 'series' }}"></i>{{ days }}
    {%- if content.histogram %}: {{ 'the week before' if loop.revindex == 2 else 'the incident' }}
    {%- endif %}</li>
{%- endfor %}
</ul>
<figure class="card wide" role="img" aria-label="Dwell histogram">{{ histogram }}</figure>
{% endif %}

{% if figures.funnel %}
<h2>From impression to save</h2>
<p class="hint">Impressions of {{ figures.funnel_days[0] }} to {{ figures.funnel_days[1] }}, the
newest week whose saves are all in: a save counts within seven days.</p>
<div class="grid">
  <figure class="card" role="img" aria-label="Clicks per impression by surface">
    <h3>Clicks per impression</h3>{{ click_rate }}</figure>
  <figure class="card" role="img" aria-label="Saves per click by surface">
    <h3>Saves per click</h3>{{ save_rate }}</figure>
  <div class="table tight"><table>
    <thead><tr><th>Surface</th><th class="number">Impressions</th><th class="number">Clicks</th>
      <th class="number">Saves</th></tr></thead>
    <tbody>
    {%- for row in figures.funnel %}
    <tr><td>{{ row.surface }}</td><td class="number">{{ row.impressions | count }}</td>
      <td class="number">{{ row.clicks | count }}</td>
      <td class="number">{{ row.saves | count }}</td></tr>
    {%- endfor %}
    </tbody></table></div>
</div>
{% endif %}

<h2>Planted, and found</h2>
<p class="hint">What the simulation broke on purpose, and which rule of
<code>alerts/rules.yml</code> noticed.</p>
<div class="table"><table class="stack truth">
  <thead><tr><th>Incident</th><th>Surface</th><th>Days</th><th>Watched by</th>
    <th>Found</th><th></th></tr></thead>
  <tbody>
  {%- for row in content.truth %}
  <tr><td><b>{{ row.incident }}</b><small>{{ row.sentence }}</small></td>
    <td data-name="surface">{{ row.surface }}</td>
    <td class="days" data-name="days">{{ row.days }}</td>
    <td data-name="watched by">{{ row.expected }}</td><td data-name="found">{{ row.found }}</td>
    <td><span class="chip{{ {'found': '', 'shown': ' note', 'missed': ' bad'}[row.status] }}">
      {{- row.status }}</span></td></tr>
  {%- else %}
  <tr><td colspan="6">Nothing was planted.</td></tr>
  {%- endfor %}
  </tbody></table></div>

<h2>Every alert</h2>
<p class="hint">All episodes of the history, and what caused each.</p>
<div class="table"><table class="stack">
  <thead><tr><th>Rule</th><th>Surface</th><th>From</th><th>To</th><th>Severity</th><th>Cause</th>
    <th></th></tr></thead>
  <tbody>
  {%- for alarm in content.alarms %}
  <tr><td><b>{{ alarm.rule }}</b></td>
    <td data-name="surface">{{ alarm.surface or 'all' }}</td>
    <td class="days" data-name="from">{{ alarm.first }}</td>
    <td class="days" data-name="to">{{ alarm.last }}</td>
    <td data-name="severity">{{ alarm.severity }}</td>
    <td data-name="cause">{{ alarm.cause or 'none: a false alarm' }}</td>
    <td>{% if alarm.firing %}<span class="chip bad">firing</span>{% endif %}</td></tr>
  {%- else %}
  <tr><td colspan="7">Nothing fired.</td></tr>
  {%- endfor %}
  </tbody></table></div>
{%- for line in content.false_alarms %}
<p><span class="chip bad">false alarm</span> {{ line }}</p>
{%- endfor %}

<h2>What became of every raw row</h2>
<p class="hint">From <code>analytics.data_quality_daily</code>. Nothing is dropped silently: a row
is accepted, superseded by a newer version of itself, or refused with a reason.</p>
<div class="table"><table>
  <thead><tr><th>Table</th><th>Reason</th><th class="number">Rows</th>
    <th class="number">Planted</th><th></th></tr></thead>
  <tbody>
  {%- for row in content.counts %}
  <tr><td>{{ row.table }}</td><td>{{ row.reason }}</td>
    <td class="number">{{ row.counted | count }}</td>
    <td class="number">{{ row.planted | count }}</td>
    <td>{% if row.counted == row.planted %}<span class="chip">exact</span>
      {%- else %}<span class="chip bad">differs</span>{% endif %}</td></tr>
  {%- endfor %}
  </tbody></table></div>

{% endblock %}
{% block footer %}
Made by <code>recwatch demo</code> from the marts in the schemas <code>analytics</code> and
<code>reference</code>.
{% endblock %}
"""
