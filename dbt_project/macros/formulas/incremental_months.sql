{#- Incremental strategy `months`: everything from the first rebuilt month on is replaced,
also months that have become empty, in the transaction of the model. -#}
{% macro get_incremental_months_sql(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='name') | join(', ') -%}
    delete from {{ arguments['target_relation'] }}
    where month >= (select rebuild_from from {{ ref('int_rebuild_window') }});

    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arguments['temp_relation'] }}
{%- endmacro %}
