{# Finding the days of given keys without reading every key of history.

   An engine with an index on the key needs nothing more. A columnar engine has to look at every
   row, and at a number eight times as fast as at a text: a ledger keeps `key_hash(key)` beside
   the key, and `has_one_of` finds candidates by it. Candidates, for two keys may share a hash:
   what is found is compared by the key itself. #}
{% macro key_hash(key) -%}
    {{ return(adapter.dispatch('key_hash', 'recwatch')(key)) }}
{%- endmacro %}

{% macro default__key_hash(key) -%}
    cast(null as bigint)
{%- endmacro %}

{% macro duckdb__key_hash(key) -%}
    hash({{ key }})
{%- endmacro %}

{% macro spark__key_hash(key) -%}
    xxhash64({{ key }})
{%- endmacro %}


{# Whether a row may have one of the keys that the query `keys` (one column, `key`) gives. #}
{% macro has_one_of(key, hash_column, keys) -%}
    {{ return(adapter.dispatch('has_one_of', 'recwatch')(key, hash_column, keys)) }}
{%- endmacro %}

{% macro default__has_one_of(key, hash_column, keys) -%}
    {{ key }} in ({{ keys }})
{%- endmacro %}

{% macro duckdb__has_one_of(key, hash_column, keys) -%}
    {{ hash_column }} in (select {{ key_hash('wanted.key') }} from ({{ keys }}) as wanted)
{%- endmacro %}

{% macro spark__has_one_of(key, hash_column, keys) -%}
    {{ return(recwatch.duckdb__has_one_of(key, hash_column, keys)) }}
{%- endmacro %}


{# What the hash makes of two known texts (a short and a long one are hashed differently): should
   a new version of the engine hash otherwise, a ledger's settings have changed, and every key is
   decided anew. #}
{% macro key_hash_version() -%}
    {{ return(adapter.dispatch('key_hash_version', 'recwatch')()) }}
{%- endmacro %}

{% macro default__key_hash_version() -%}
    {{ return('') }}
{%- endmacro %}

{% macro duckdb__key_hash_version() -%}
    {{ return(run_query("select hash('key') || ' ' || hash('a key of many letters')").rows[0][0]) }}
{%- endmacro %}
