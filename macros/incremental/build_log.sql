{# What every incremental build has taken in: one row per finished build of a model and input.

   A ledger numbers its builds (`batch`) and marks the rows that a build changed with the number.
   A mart logs, for each ledger it reads, the batch up to which it is built; its next run
   recomputes what later batches changed. The row is written in the transaction that writes the
   model, so a run killed anywhere leaves both as they were; where an engine has no transactions
   it is written last, and the days are recomputed once more. Rows are only ever added. #}
{% macro build_log() -%}
    {{ return(api.Relation.create(
        database=generate_database_name(none, none),
        schema=generate_schema_name('intermediate', none) | trim,
        identifier='build_log',
        type='table'
    )) }}
{%- endmacro %}


{% macro create_build_log() %}
    {% if execute %}
        {% do adapter.create_schema(build_log()) %}
        {% do run_query(build_log_ddl()) %}
    {% endif %}
{% endmacro %}


{% macro build_log_ddl() %}
create table if not exists {{ build_log() }} (
    input {{ dbt.type_string() }},
    batch bigint,
    is_full_refresh boolean,
    loaded_through {{ type_instant() }},
    settings {{ dbt.type_string() }},
    built_at {{ type_instant() }},
    model {{ dbt.type_string() }}
)
{{ partitioned_by('model') }}
{% endmacro %}


{# Whether this node is being built, rather than parsed, linted, compiled or unit tested. #}
{% macro is_building() -%}
    {{ return(
        execute and flags.WHICH in ('run', 'build', 'retry') and model.resource_type == 'model'
    ) }}
{%- endmacro %}


{# Facts found while the model's SQL was compiled, carried in it as a comment to the strategy and
   the hooks: found once, they cannot differ between what is computed and what is replaced. Slashes
   are escaped as JSON allows: no text among the facts can end the comment. #}
{% macro build_note(facts) -%}
    /* build: {{ tojson(facts) | replace('/', '\\/') }} */
{%- endmacro %}

{# The note of a small table that every run computes whole. #}
{% macro note_of_a_whole() -%}
    {{ build_note({'days': none, 'batches': {}, 'settings': ''}) }}
{%- endmacro %}

{% macro read_build_note() -%}
    {%- set found = modules.re.search('/[*] build: (.*?) [*]/', model.compiled_code or '') -%}
    {%- if not found and execute -%}
        {{ exceptions.raise_compiler_error(
            'the SQL of ' ~ model.name ~ ' carries no build note: it must call days_to_recompute '
            ~ 'and in_days, or version_ledger'
        ) }}
    {%- endif -%}
    {{ return(fromjson(found.group(1)) if found else {}) }}
{%- endmacro %}


{% macro log_ledger_build() %}
    {% if execute %}
        {% set note = read_build_note() %}
        {% set rows %}
select
    '{{ this.name }}' as input,
    {{ note.batch }} as batch,
    {{ note.is_full_refresh }} as is_full_refresh,
    {# A clock ahead of ours must not lift the watermark over rows still to come. #}
    case
        when max(loaded_at) > current_timestamp then current_timestamp
        else max(loaded_at)
    end as loaded_through,
    {{ text_literal(note.settings) }} as settings,
    current_timestamp as built_at,
    '{{ this.name }}' as model
from {{ this }}
        {% endset %}
{{ append_to_build_log(this.name, rows) }}
    {% endif %}
{% endmacro %}


{# A small mart that is replaced as a whole has no ledger to take in, and nothing to log. #}
{% macro log_mart_build() %}
    {% set note = read_build_note() if execute else {} %}
    {% if note.batches %}
        {% set rows %}
            {% for ledger, batch in note.batches.items() %}
select
    '{{ ledger }}' as input,
    cast({{ batch if batch is not none else 'null' }} as bigint) as batch,
    {{ note.get('is_full_refresh', note.days is none) }} as is_full_refresh,
    cast(null as {{ type_instant() }}) as loaded_through,
    {{ text_literal(note.settings) }} as settings,
    current_timestamp as built_at,
    '{{ this.name }}' as model
                {{ 'union all' if not loop.last }}
            {% endfor %}
        {% endset %}
{{ append_to_build_log(this.name, rows) }}
    {% endif %}
{% endmacro %}
