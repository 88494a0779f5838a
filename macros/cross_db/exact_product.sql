{# A product without rounding: counts, times and money are exact to four decimals, and a sum of
   their products is then the same on every engine. #}
{% macro exact_product(a, b) -%}
    {{ return(adapter.dispatch('exact_product', 'recwatch')(a, b)) }}
{%- endmacro %}

{% macro default__exact_product(a, b) -%}
    cast({{ a }} as numeric(18, 4)) * cast({{ b }} as numeric(18, 4))
{%- endmacro %}

{# Of two numbers of 18 digits the product would have no more than 18 either. #}
{% macro duckdb__exact_product(a, b) -%}
    cast({{ a }} as numeric(19, 4)) * cast({{ b }} as numeric(19, 4))
{%- endmacro %}
