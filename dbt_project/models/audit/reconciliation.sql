with deliveries as (
    select * from {{ source('audit', 'delivery') }}
),

unreadable as (
    select * from {{ source('audit', 'unreadable_row') }}
),

parts as (
    select
        entity,
        batch_id,
        rows_landed,
        0 as rows_accepted,
        0 as rows_quarantined,
        0 as rows_superseded,
        cast(null as decimal(38, 2)) as amount_landed,
        cast(null as decimal(38, 2)) as amount_accepted,
        cast(null as decimal(38, 2)) as amount_quarantined,
        cast(null as decimal(38, 2)) as amount_superseded
    from deliveries
    where batch_id is not null
    union all
    select
        entity,
        batch_id,
        0 as rows_landed,
        0 as rows_accepted,
        1 as rows_quarantined,
        0 as rows_superseded,
        null as amount_landed,
        null as amount_accepted,
        null as amount_quarantined,
        null as amount_superseded
    from unreadable
    where batch_id is not null and row_number is not null
    {% for table, relation in base_models().items() %}
        union all
        {{ reconciled_rows(table, relation) }}
    {% endfor %}
),

reconciliation as (
    select
        entity,
        batch_id,
        cast(sum(rows_landed) as bigint) as rows_landed,
        cast(sum(rows_accepted) as bigint) as rows_accepted,
        cast(sum(rows_quarantined) as bigint) as rows_quarantined,
        cast(sum(rows_superseded) as bigint) as rows_superseded,
        sum(amount_landed) as amount_landed,
        sum(amount_accepted) as amount_accepted,
        sum(amount_quarantined) as amount_quarantined,
        sum(amount_superseded) as amount_superseded
    from parts
    group by entity, batch_id
)

select * from reconciliation
