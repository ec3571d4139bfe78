-- From the month before the rebuilt ones into them, where an incremental build could lose
-- what came before.
with rebuilt as (

    select borrower_months.*
    from {{ ref('fct_borrower_month') }} as borrower_months
    inner join {{ ref('int_rebuild_window') }} as rebuild_window
        on borrower_months.month = rebuild_window.rebuild_from

),

before as (

    select borrower_months.*
    from {{ ref('fct_borrower_month') }} as borrower_months
    inner join {{ ref('int_rebuild_window') }} as rebuild_window
        on
            borrower_months.month
            = {{ months_after('rebuild_window.rebuild_from', '-1') }}

)

select
    rebuilt.borrower_key,
    before.historical_dpd_max as historical_dpd_max_before,
    rebuilt.historical_dpd_max
from rebuilt
inner join before on rebuilt.borrower_key = before.borrower_key
where rebuilt.historical_dpd_max < before.historical_dpd_max
