with deliveries as (

    {{ deliveries('loans') }}

),

placed as (

    select
        *,
        {{ place_in_landing('loan_key') }} as place_in_landing
    from deliveries

),

-- Who lent what to whom and when is that of the last delivery, terms are those of each.
delivered as (

    select
        loans.loan_no,
        loans.disbursed_on,
        placed.principal,
        placed.annual_rate,
        placed.cycle_days,
        nullif(placed.term_months, 0) as term_months,
        {{ landed_on('placed.loan_key') }} as landed_on,
        {{ superseded_on('placed.loan_key') }} as superseded_on
    from placed
    inner join {{ ref('int_loan') }} as loans on placed.loan_key = loans.loan_key
    where placed.place_in_landing = 1

),

with_instalments as (

    select
        *,
        {{ instalment_count('term_months', 'cycle_days') }} as instalment_count,
        {{ period_rate('annual_rate', 'cycle_days') }} as period_rate,
        {{ months_after('disbursed_on', 'term_months') }} as matures_on
    from delivered

),

with_share as (

    select
        *,
        {{ principal_share('period_rate', 'instalment_count') }} as principal_share
    from with_instalments

),

schedules as (

    select
        loan_no,
        max(due_on) as last_due_on
    from {{ ref('int_instalment') }}
    group by loan_no

),

feat_loan_delivery as (

    select
        terms.loan_no,
        terms.principal,
        terms.annual_rate,
        terms.term_months,
        terms.principal_share,
        terms.landed_on,
        terms.superseded_on,
        {{ monthly_instalment(
            'terms.principal',
            'terms.principal_share',
            'terms.instalment_count',
            'terms.cycle_days'
        ) }} as monthly_instalment,
        {{ agreed_end(
            'terms.matures_on',
            'schedules.last_due_on',
            'terms.disbursed_on',
            'terms.cycle_days'
        ) }} as ends_on
    from with_share as terms
    left join schedules on terms.loan_no = schedules.loan_no

)

select * from feat_loan_delivery
