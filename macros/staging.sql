{# The rules of staging that several tables share. Each is a condition for refusing a row. #}

{# Absent, infinite, or so near the ends of the calendar that no engine can name its local day. #}
{% macro is_invalid_time(column) -%}
    (
            {{ column }} is null
            or {{ column }} < {{ instant_literal('0001-01-03 00:00:00+00:00') }}
            or {{ column }} > {{ instant_literal('9999-12-29 00:00:00+00:00') }}
        )
{%- endmacro %}

{# Measured against the row's own arrival: against the clock, a refused row would become good. #}
{% macro is_future_time(column) -%}
    {{ column }} > loaded_at + interval '10 minutes'
{%- endmacro %}

{# A document is an object or nothing. #}
{% macro is_invalid_document(column) -%}
    coalesce({{ json_type(column) }}, 'null') not in ('object', 'null')
{%- endmacro %}


{# What a ledger takes a row's versions by. A row without an id has no other version: it is told
   apart by its load, behind a blank that no id can consist of. #}
{% macro row_key(id) -%}
    case
        when {{ is_blank(id) }} then ' ' || cast({{ epoch_microseconds('loaded_at') }} as {{ dbt.type_string() }})
        else {{ id }}
    end
{%- endmacro %}

{# Several columns as one key; the lengths keep ('ab', 'c') apart from ('a', 'bc'). #}
{% macro row_key_of(columns) -%}
    {%- for column in columns -%}
        coalesce(cast(length({{ column }}) as {{ dbt.type_string() }}) || ':' || {{ column }}, '-')
        {{- ' || ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# The day under which a ledger keeps a row: its own, or that of its load where it was refused. #}
{% macro ledger_day(event_at) -%}
    case when refused_reason is null then {{ local_day(event_at) }} else {{ local_day('loaded_at') }} end
{%- endmacro %}


{# The count of a response's items by their own flags; where none carries the flag, what the
   response says of itself, which cannot be more than was served. #}
{% macro items_or_said(items_with_flag, items_counted, said) -%}
    case
            when {{ items_with_flag }} > 0 then {{ items_counted }}
            else cast(floor(least(greatest(coalesce({{ said }}, 0), 0), served_items)) as bigint)
        end
{%- endmacro %}
