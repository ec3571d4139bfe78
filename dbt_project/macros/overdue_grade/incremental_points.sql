{#- Incremental strategy `overdue_points`: rows stay up to the day each borrower was graded
to with the same facts as now (none where facts have changed, or the borrower is gone);
everything later is replaced, in the transaction of the model. -#}
{% macro get_incremental_overdue_points_sql(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='name') | join(', ') -%}
    delete from {{ arguments['target_relation'] }} as graded
    where not exists (
        select 1
        from {{ ref('int_overdue_borrower') }} as borrowers
        where
            borrowers.borrower_key = graded.borrower_key
            and graded.observed_on <= borrowers.graded_until
    );

    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arguments['temp_relation'] }}
{%- endmacro %}
