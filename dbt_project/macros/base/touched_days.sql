{#- SQL: the days that batches not built yet have changed in one base model, `touched_on`.

One row per accepted row of such a batch that is new, or differs in any of `compared` from
the row it replaced: the least of its days and of the replaced row's. A delivery that
repeats what is known touches nothing. `keep` names columns of the arrived row to give
besides. -#}
{% macro touched_days(relation, key, days, compared, keep=[]) %}
    select
        {% for name in keep %}arrived.{{ name }}, {% endfor %}
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

{#- SQL: how far rows of `arrived` (loan_id, instalment_no, due_on, due_amount,
touched_on) reach back beyond their own days.

Other terms change an instalment from the days of its earlier rows on; and a row that
comes after the end of a loan, as it was known, opens the loan again from that end on.
`loans` and `repayments` are base models. -#}
{% macro touched_through_instalments(arrived, loans, repayments) %}
    select least(known.due_on, known.paid_on) as touched_on
    from {{ arrived }} as arrived
    inner join {{ repayments }} as known
        on
            arrived.loan_id = known.loan_id
            and arrived.instalment_no = known.instalment_no
    where
        known._status = 'accepted'
        and (select build_request.build_from from build_request) is not null
        and (
            arrived.due_on <> known.due_on or arrived.due_amount <> known.due_amount
        )
    union all
    select {{ earliest_end('loans', 'schedules') }} as touched_on
    from (
        select
            loan_id,
            max(touched_on) as touched_on
        from {{ arrived }}
        group by loan_id
    ) as arrived
    inner join {{ loans }} as loans
        on arrived.loan_id = loans.loan_id and loans._status = 'accepted'
    left join (
        {{ schedules_known_before(arrived, repayments) }}
    ) as schedules on arrived.loan_id = schedules.loan_id
    where
        coalesce(schedules.unpaid, 0) = 0
        and {{ earliest_end('loans', 'schedules') }} < arrived.touched_on
{% endmacro %}

{#- The earliest day a loan with nothing unpaid can have ended: see int_loan_life. -#}
{% macro earliest_end(loans, schedules) -%}
    least(
        {{ months_after(
            loans ~ '.disbursed_on', 'nullif(' ~ loans ~ '.term_months, 0)'
        ) }},
        case
            when
                {{ schedules }}.instalments
                >= {{ instalment_count(
                    loans ~ '.term_months', loans ~ '.cycle_days'
                ) }}
                then {{ schedules }}.last_first_paid_on
        end
    )
{%- endmacro %}

{#- SQL: what batches already built say of the schedules of the loans in `arrived`. -#}
{% macro schedules_known_before(arrived, repayments) %}
    select
        loan_id,
        count(*) as instalments,
        count(*) - count(first_paid_on) as unpaid,
        max(first_paid_on) as last_first_paid_on
    from (
        select
            loan_id,
            instalment_no,
            -- Nothing due is settled without any payment.
            min(
                case
                    when {{ is_settled_by('0', 'due_amount') }}
                        then least(paid_on, due_on)
                    else paid_on
                end
            ) as first_paid_on
        from {{ repayments }}
        where
            _status in ('accepted', 'superseded')
            and (select build_request.build_from from build_request) is not null
            and _batch in (select built.batch_id from built)
            and loan_id in (select arrived.loan_id from {{ arrived }} as arrived)
        group by loan_id, instalment_no
    ) as instalments
    group by loan_id
{% endmacro %}
