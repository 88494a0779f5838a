{# Replaces whole days of a mart: the days that its SQL recomputed, also those now empty. #}
{% macro get_incremental_replace_days_sql(arg_dict) %}
    {% set note = read_build_note() %}
    {% set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) %}
delete from {{ arg_dict.target_relation }}
where {{ in_days(note.column, note, as_instant=note.as_instant) }};

insert into {{ arg_dict.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arg_dict.temp_relation }};
{% endmacro %}


{# Replaces all that a ledger says of the keys that its SQL returned; what it remembers of earlier
   places (see version_ledger.sql) stays. The days are named so that only their part of the table
   is read: every old place of a key is among the new rows. #}
{% macro get_incremental_replace_keys_sql(arg_dict) %}
    {% set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) %}
{{ gather_statistics(arg_dict.temp_relation) }}
delete from {{ arg_dict.target_relation }}
where
    status not in ('withdrawn', 'resolved')
    and day in (select arrived.day from {{ arg_dict.temp_relation }} as arrived)
    and row_key in (select arrived.row_key from {{ arg_dict.temp_relation }} as arrived);

insert into {{ arg_dict.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arg_dict.temp_relation }};
{% endmacro %}


{# Replaces the stretches of experiments that a model's SQL recomputed; see stretches.sql. #}
{% macro get_incremental_replace_stretches_sql(arg_dict) %}
    {% set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) %}
delete from {{ arg_dict.target_relation }}
where {{ in_stretches(read_build_note()) }};

insert into {{ arg_dict.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arg_dict.temp_relation }};
{{ gather_statistics(arg_dict.target_relation) }}
{% endmacro %}


{# Replaces a small table as a whole, and keeps its grants and policies. #}
{% macro get_incremental_replace_all_sql(arg_dict) %}
    {% set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) %}
delete from {{ arg_dict.target_relation }};

insert into {{ arg_dict.target_relation }} ({{ columns }})
select {{ columns }}
from {{ arg_dict.temp_relation }};
{% endmacro %}
