{#- Rows whose values in several columns together occur more than once. -#}
{% test unique_combination(model, columns) %}
    with repeated as (
        {#- A hash per row needs far less memory than the values do. -#}
        select {{ row_hash(columns) }} as key_hash
        from {{ model }}
        group by 1
        having count(*) > 1
    )

    select {{ columns | join(', ') }}, count(*) as n_rows
    from {{ model }}
    where {{ row_hash(columns) }} in (select repeated.key_hash from repeated)
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
