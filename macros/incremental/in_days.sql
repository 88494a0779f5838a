{# A condition that holds for the days to recompute, widened by `before` and `after` days.

   Written as ranges of literals, which every engine can hold against its statistics, index or
   partitions. The condition carries the build note (see build_log.sql) of the model. #}
{% macro in_days(column, recompute, before=0, after=0, as_instant=false) -%}
    {{ build_note(recompute) }}
    {% if recompute.days is none -%}
        true
    {%- elif not recompute.days -%}
        false
    {%- else -%}
        (
            {%- for first, end in day_ranges(recompute.days, before, after) %}
            ({{ column }} >= {{ day_literal(first, as_instant) }} and {{ column }} < {{ day_literal(end, as_instant) }})
            {{- ' or' if not loop.last }}
            {%- endfor %}
        )
    {%- endif %}
{%- endmacro %}


{% macro day_literal(day, as_instant) -%}
    {{ instant_literal(day ~ ' 00:00:00+00:00') if as_instant else "date '" ~ day ~ "'" }}
{%- endmacro %}


{# Sorted ISO days as [first, end) ranges, neighbours joined. #}
{% macro day_ranges(days, before, after) -%}
    {%- set one = modules.datetime.timedelta(days=1) -%}
    {%- set ranges = [] -%}
    {%- for text in days -%}
        {%- set day = modules.datetime.date.fromisoformat(text) -%}
        {%- set first = day - before * one -%}
        {%- set end = day + (after + 1) * one -%}
        {%- if ranges and ranges[-1][1] >= first -%}
            {%- set joined = [ranges[-1][0], [ranges[-1][1], end] | max] -%}
            {%- do ranges.pop() -%}
            {%- do ranges.append(joined) -%}
        {%- else -%}
            {%- do ranges.append([first, end]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}
