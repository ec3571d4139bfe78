{#- SQL: the days that batches not built yet have changed in one base model, `touched_on`.

One row per accepted row of such a batch that is new, or differs in any of `compared` from
the row it replaced: the least of its days and of the replaced row's. A delivery that
repeats what is known touches nothing. -#}
{% macro touched_days(relation, key, days, compared) %}
    select
        least(
            {% for day in days %}
                arrived.{{ day }}, replaced.{{ day }}{{ ',' if not loop.last }}
            {% endfor %}
        ) as touched_on
    from (
        select *
        from {{ relation }}
        where
            _status = 'accepted'
            and _batch not in (select built.batch_id from built)
    ) as arrived
    left join (
        select
            *,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by _landed_at desc, _file desc, _row desc
            ) as age
        from {{ relation }}
        where
            _status = 'superseded'
            and _batch in (select built.batch_id from built)
    ) as replaced
        on
            {% for name in key %}
                arrived.{{ name }} = replaced.{{ name }} and
            {% endfor %}
            replaced.age = 1
    where
        replaced.age is null
        {% for name in compared %}
            or arrived.{{ name }} is distinct from replaced.{{ name }}
        {% endfor %}
{% endmacro %}

{#- SQL: rows of a base model whose id was first accepted in a batch not built yet. -#}
{% macro first_accepted(relation, id) %}
    select arrived.*
    from {{ relation }} as arrived
    left join {{ relation }} as known
        on
            arrived.{{ id }} = known.{{ id }}
            and known._status = 'superseded'
            and known._batch in (select built.batch_id from built)
    where
        arrived._status = 'accepted'
        and arrived._batch not in (select built.batch_id from built)
        and known.{{ id }} is null
{% endmacro %}
