{# A condition that every row of a model meets; a null counts as met. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where not ({{ condition }})
{% endtest %}
