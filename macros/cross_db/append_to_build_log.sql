{# Adds rows, given as a query, to what the build log says of a model. #}
{% macro append_to_build_log(model, rows) -%}
    {{ return(adapter.dispatch('append_to_build_log', 'recwatch')(model, rows)) }}
{%- endmacro %}

{% macro default__append_to_build_log(model, rows) -%}
insert into {{ build_log() }}
    (input, batch, is_full_refresh, loaded_through, settings, built_at, model)
{{ rows }}
{%- endmacro %}

{# Spark would add a file with every row: the model's partition is written anew, as one. Should the
   run be killed at it, the model has no log, and is computed whole. #}
{% macro spark__append_to_build_log(model, rows) -%}
insert overwrite table {{ build_log() }} partition (model)
select /*+ coalesce(1) */ * from (
    select * from {{ build_log() }} where model = '{{ model }}'
    union all
    {{ rows }}
) as history
{%- endmacro %}
