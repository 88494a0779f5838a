{# Seeds on Spark, with the types of the project, and with values as they stand: dbt-spark's own
   writes a missing value as the text None, and fails on an apostrophe. #}
{% macro spark__create_csv_table(model, agate_table) %}
    {%- set types = seed_types(model, agate_table) -%}
    {%- set sql -%}
create table {{ this }} (
        {%- for column in agate_table.column_names %}
    {{ adapter.quote(column) }} {{ types[loop.index0] }}{{ ',' if not loop.last }}
        {%- endfor %}
)
using parquet
{{ comment_clause() }}
    {%- endset -%}
    {%- call statement('_') -%}{{ sql }}{%- endcall -%}
    {{ return(sql) }}
{% endmacro %}


{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = seed_types(model, agate_table) -%}
    {%- set sql -%}
insert into {{ this }} values
        {%- for row in agate_table.rows %}
    (
            {%- for value in row -%}
                cast({{ 'null' if value is none else text_literal(value | string) }} as {{ types[loop.index0] }})
                {{- ', ' if not loop.last }}
            {%- endfor -%}
    ){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- if agate_table.rows | length -%}{%- do run_query(sql) -%}{%- endif -%}
    {{ return(sql) }}
{% endmacro %}


{% macro seed_types(model, agate_table) %}
    {%- set given = model.config.get('column_types', {}) -%}
    {%- set types = [] -%}
    {%- for column in agate_table.column_names -%}
        {%- do types.append(
            spark_type(given.get(column, adapter.convert_type(agate_table, loop.index0)))
        ) -%}
    {%- endfor -%}
    {{ return(types) }}
{% endmacro %}
