{# Incremental tables on Spark: parquet, a partition for each day, only those of touched days rewritten.

   dbt-spark's own materialization does not do: its list of strategies is closed, a partition that
   has become empty stays as it was, and a full refresh drops the table before there is another,
   so that a run killed in between leaves files in the way of the next one. Here the table is
   created empty and then only ever overwritten by partitions. Spark has no transactions: while
   partitions are replaced the table is marked as unfinished, and a build that finds the mark
   (left_unfinished) computes every day anew. #}
{% materialization incremental, adapter='spark', supported_languages=['sql'] %}
    {%- set rebuilt = step_table('rebuilt') -%}
    {%- set partition = config.require('partition_by') -%}
    {%- set existing = load_relation(this) -%}
    {{ run_hooks(pre_hooks) }}

    {%- if existing is not none and read_build_note().days == [] -%}
        {%- call statement('main') -%}
            select 'no day to recompute'
        {%- endcall -%}
        {{ run_hooks(post_hooks) }}
        {{ return({'relations': [this]}) }}
    {%- endif -%}

    {%- call statement('main') -%}
        create table {{ rebuilt }} using parquet as {{ compiled_code }}
    {%- endcall -%}
    {#- The columns are asked of what was computed: to ask the query is to plan it once more. -#}
    {%- set computed = 'select * from ' ~ rebuilt -%}
    {%- if config.get('contract').enforced -%}
        {%- do get_assert_columns_equivalent(computed) -%}
    {%- endif -%}
    {%- if existing is not none and should_full_refresh() and not has_columns_of(existing, computed) -%}
        {%- do adapter.drop_relation(existing) -%}
        {%- set existing = none -%}
    {%- endif -%}
    {%- if existing is none -%}
        {%- do run_query(create_partitioned_table_sql(this, computed, partition)) -%}
    {%- else -%}
        {%- do process_schema_changes(config.get('on_schema_change', 'fail'), rebuilt, existing) -%}
    {%- endif -%}
    {%- do replace_partitions(this, rebuilt, partition) -%}
    {%- set steps = step_table('*') -%}
    {%- set found = run_query("show tables in " ~ steps.schema ~ " like '" ~ steps.identifier ~ "'") -%}
    {%- for name in found.columns['tableName'].values() -%}
        {%- do run_query("drop table " ~ steps.incorporate(path={'identifier': name})) -%}
    {%- endfor -%}

    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}


{# Overwrites the partitions of the rebuilt rows, and drops those that should have had rows but have
   none. Partitions that are rebuilt in part are first completed by the rows that stay. #}
{% macro replace_partitions(table, rebuilt, partition) %}
    {%- set note = read_build_note() -%}
    {%- set strategy = config.get('incremental_strategy') -%}
    {%- set in_part = strategy in ['replace_keys', 'append'] and not note.is_full_refresh -%}
    {%- if note.stretches -%}
        {%- do run_query(keep_other_stretches_sql(table, rebuilt, note)) -%}
    {%- endif -%}
    {%- set written = first_column(run_query("select distinct " ~ partition ~ " from " ~ rebuilt)) -%}
    {%- set present = partition_days(table) -%}
    {%- set emptied = [] -%}
    {%- for day in present if day not in written and not in_part -%}
        {%- if
            not note.days
            or (day >= note.days[0] if note.stretches else day in note.days)
        -%}
            {%- do emptied.append("partition (" ~ partition ~ " = '" ~ day ~ "')") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not (written or emptied) -%}{{ return('') }}{%- endif -%}

    {%- do run_query("alter table " ~ table ~ " set tblproperties ('recwatch.unfinished' = 'true')") -%}
    {%- if written -%}
        {%- do run_query(overwrite_sql(table, rebuilt, partition, written if strategy == 'replace_keys' and in_part else none)) -%}
    {%- endif -%}
    {%- if emptied -%}
        {%- do run_query("alter table " ~ table ~ " drop if exists " ~ emptied | join(', ')) -%}
    {%- endif -%}
    {%- do run_query("alter table " ~ table ~ " unset tblproperties if exists ('recwatch.unfinished')") -%}
{% endmacro %}


{# Days hold all experiments, and a stretch is of one: the others' rows of its days stay. #}
{% macro keep_other_stretches_sql(table, rebuilt, note) %}
    {%- set columns = adapter.get_columns_in_relation(table) | map(attribute='quoted') | join(', ') %}
insert into {{ rebuilt }} ({{ columns }})
select {{ columns }}
from {{ table }}
where {{ since_stretches(note) }} and not {{ in_stretches(note) }}
{% endmacro %}


{# `kept_days` are the days whose rows stay unless their key was rebuilt; see replace_keys in
   incremental/strategies.sql. The hint makes a file or few of each day. #}
{% macro overwrite_sql(table, rebuilt, partition, kept_days) %}
    {%- set columns = adapter.get_columns_in_relation(table) | map(attribute='quoted') | join(', ') %}
insert overwrite table {{ table }} partition ({{ partition }})
select /*+ rebalance({{ partition }}) */ {{ columns }}
from (
    select {{ columns }}
    from {{ rebuilt }}
    {%- if kept_days is not none %}
    union all
    select {{ columns }}
    from {{ table }} as known
    where
        known.{{ partition }} in (
            {%- for day in kept_days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
        )
        and (
            known.status in ('withdrawn', 'resolved')
            or not exists (select 1 from {{ rebuilt }} as arrived where arrived.row_key = known.row_key)
        )
    {%- endif %}
) as rebuilt_rows
{% endmacro %}


{% macro create_partitioned_table_sql(table, sql, partition) %}
    {%- set columns = get_column_schema_from_query(sql) %}
create table if not exists {{ table }} (
    {%- for column in columns %}
    {{ get_column_comment_sql(column.name, model.columns) | replace(column.quoted, column.quoted ~ ' ' ~ column.dtype, 1) }}
    {{- ',' if not loop.last }}
    {%- endfor %}
)
using parquet
partitioned by ({{ partition }})
{{ comment_clause() }}
{% endmacro %}


{% macro has_columns_of(table, sql) %}
    {%- set now = [] -%}
    {%- for column in get_column_schema_from_query(sql) -%}
        {%- do now.append(column.name ~ ' ' ~ column.dtype) -%}
    {%- endfor -%}
    {%- set before = [] -%}
    {%- for column in adapter.get_columns_in_relation(table) -%}
        {%- do before.append(column.name ~ ' ' ~ column.dtype) -%}
    {%- endfor -%}
    {{ return(now | sort == before | sort) }}
{% endmacro %}


{% macro partition_days(table) %}
    {%- set days = [] -%}
    {%- for name in first_column(run_query("show partitions " ~ table)) -%}
        {%- do days.append(name.split('=')[1]) -%}
    {%- endfor -%}
    {{ return(days) }}
{% endmacro %}


{% macro first_column(table) %}
    {%- set texts = [] -%}
    {%- for row in table.rows -%}
        {%- do texts.append(row[0] | string) -%}
    {%- endfor -%}
    {{ return(texts) }}
{% endmacro %}
