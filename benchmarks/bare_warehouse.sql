-- The marts of comove's simulated lender in plain DuckDB, for one portfolio, once: what
-- somebody writes who needs the tables and nothing else. Braces are filled in by
-- warehouse.py: the folder of the files, the last complete month, the two pads of the
-- HMAC key.

-- stage: set-up
set preserve_insertion_order = false;
set timezone = 'UTC';
set variable now = cast(now() as timestamp);
set variable today = cast(now() as date);
set variable horizon = date '{horizon}';
set variable last_month_no = year(date '{horizon}') * 12 + month(date '{horizon}') - 1;

create or replace macro key_of(id) as left(sha256(from_hex('{outer_pad}') || unhex(sha256(
    from_hex('{inner_pad}') || encode(id)
))), 32);
create or replace macro month_no_of(day) as year(day) * 12 + month(day) - 1;
create or replace macro month_of(month_no) as
    make_date(month_no // 12, month_no % 12 + 1, 1);
create or replace macro last_day_of(month_no) as month_of(month_no + 1) - 1;
create or replace macro dollars(amount) as
    try_cast(replace(replace(amount, '$', ''), ',', '') as decimal(18, 2));
create or replace macro comma_money(amount) as
    try_cast(replace(replace(amount, ' ', ''), ',', '.') as decimal(18, 2));
create or replace macro day_of(day) as
    cast(try_strptime(left(day, 10), '%d/%m/%Y') as date);
create or replace macro named_day(day) as cast(try_strptime(day, '%d-%b-%y') as date);

-- stage: borrowers
create temp table borrower as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/borrowers/*.parquet', file_row_number = true)
    union all by name
    -- Typed later than all else was delivered; the names are not used.
    select
        borrower_id,
        kind,
        day_of(born_or_founded_on) as born_or_founded_on,
        region,
        industry,
        day_of(registered_at) + cast(right(registered_at, 8) as time)
            as registered_at,
        dollars(monthly_income) as monthly_income,
        dollars(other_income) as other_income,
        cast(employment_months as integer) as employment_months,
        dollars(liquid_assets) as liquid_assets,
        dollars(fixed_assets) as fixed_assets,
        dollars(house_value) as house_value,
        dollars(vehicle_value) as vehicle_value,
        dollars(company_assets) as company_assets,
        cast(personal_credit_score as double) as personal_credit_score,
        cast(family_credit_score as double) as family_credit_score,
        cast(company_credit_score as double) as company_credit_score,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/borrowers/*.csv',
        all_varchar = true, ignore_errors = true, encoding = 'latin-1'
    )
    where
        dollars(monthly_income) is not null
        and day_of(born_or_founded_on) is not null
)
select
    borrower_id,
    key_of(borrower_id) as borrower_key,
    kind,
    coalesce(region, 'unknown') as region,
    coalesce(industry, 'unknown') as industry,
    cast(year(born_or_founded_on) as integer) as birth_year,
    registered_at,
    monthly_income,
    other_income,
    employment_months,
    liquid_assets,
    fixed_assets,
    house_value,
    vehicle_value,
    company_assets,
    personal_credit_score,
    family_credit_score,
    company_credit_score
from delivered
where
    borrower_id is not null
    and kind in ('person', 'company')
    and coalesce(born_or_founded_on <= getvariable('today'), true)
    and coalesce(registered_at <= getvariable('now'), true)
    and coalesce(least(
        monthly_income, other_income, employment_months, liquid_assets, fixed_assets,
        house_value, vehicle_value, company_assets
    ) >= 0, true)
    and coalesce(least(
        personal_credit_score, family_credit_score, company_credit_score
    ) >= 0, true)
qualify delivery_no = max(delivery_no) over (partition by borrower_id);

-- stage: dim_borrower
create table dim_borrower as
select
    borrower_key, kind, region, industry, birth_year, registered_at, monthly_income,
    other_income, employment_months, liquid_assets, fixed_assets, house_value,
    vehicle_value, company_assets, personal_credit_score, family_credit_score,
    company_credit_score
from borrower;

-- stage: loans
create temp table loan as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/loans/*.parquet', file_row_number = true)
    union all by name
    select
        loan_id,
        application_id,
        borrower_id,
        dollars(principal) as principal,
        cast(annual_rate as double) as annual_rate,
        cast(term_months as integer) as term_months,
        named_day(disbursed_on) as disbursed_on,
        cast(cycle_days as integer) as cycle_days,
        9000000000000000000 as delivery_no
    from read_csv('{landing}/loans/*.csv', all_varchar = true, ignore_errors = true)
),
accepted as (
    select delivered.*, borrower.borrower_key
    from delivered
    inner join borrower using (borrower_id)
    where
        loan_id is not null
        and principal >= 0
        and disbursed_on <= getvariable('today')
        and coalesce(annual_rate between 0 and 50, true)
        and coalesce(term_months >= 0, true)
        and coalesce(cycle_days >= 1, true)
    qualify delivery_no = max(delivery_no) over (partition by loan_id)
),
with_terms as (
    select
        * exclude (term_months, delivery_no),
        nullif(term_months, 0) as term_months,
        case
            when coalesce(cycle_days between 28 and 31, true) then nullif(term_months, 0)
            else cast(greatest(
                1, round(nullif(term_months, 0) * 30.4375 / cycle_days)
            ) as integer)
        end as instalment_count,
        case
            when coalesce(cycle_days between 28 and 31, true) then annual_rate / 12
            else annual_rate * cycle_days / 365.25
        end as period_rate
    from accepted
)
select
    cast(row_number() over (order by borrower_id, loan_id) as integer) as loan_no,
    cast(dense_rank() over (order by borrower_id) as integer) as borrower_no,
    * exclude (period_rate),
    key_of(loan_id) as loan_key,
    key_of(application_id) as application_key,
    case
        when period_rate > 1e-9 and instalment_count > 0
            then (1 - power(1 + period_rate, -instalment_count))
                / (instalment_count * period_rate)
        else 1.0
    end as principal_share,
    cast(disbursed_on + to_months(term_months) as date) as matures_on,
    month_no_of(disbursed_on) as first_month_no
from with_terms;

-- stage: applications
create table fct_application as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/applications/*.parquet', file_row_number = true)
    union all by name
    select
        application_id,
        borrower_id,
        channel,
        try_cast(applied_at as timestamp) as applied_at,
        comma_money(requested_amount) as requested_amount,
        region,
        industry,
        decision,
        cast(decided_at as timestamp) as decided_at,
        comma_money(approved_limit) as approved_limit,
        cast(drawdown_applied_at as timestamp) as drawdown_applied_at,
        comma_money(drawdown_amount) as drawdown_amount,
        drawdown_decision,
        cast(drawdown_decided_at as timestamp) as drawdown_decided_at,
        cast(disbursed_at as timestamp) as disbursed_at,
        cast(application_score as double) as application_score,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/applications/*.csv.gz',
        all_varchar = true, ignore_errors = true, delim = ';', header = true
    )
),
accepted as materialized (
    select
        delivered.*,
        borrower.borrower_key,
        coalesce(
            decision = 'approved',
            drawdown_applied_at is not null or disbursed_at is not null
        ) as is_approved
    from delivered
    inner join borrower using (borrower_id)
    where
        application_id is not null
        and applied_at <= getvariable('now')
        and requested_amount >= 0
        and coalesce(decision in ('approved', 'rejected'), true)
        and coalesce(drawdown_decision in ('approved', 'rejected'), true)
        and coalesce(greatest(
            decided_at, drawdown_applied_at, drawdown_decided_at, disbursed_at
        ) <= getvariable('now'), true)
        and coalesce(least(approved_limit, drawdown_amount) >= 0, true)
        and coalesce(decided_at >= applied_at, true)
        and not (
            disbursed_at is not null
            and coalesce('rejected' in (decision, drawdown_decision), false)
        )
),
-- Nearly all keys come once: only the others are ranked.
superseded as (
    select delivery_no
    from accepted
    where application_id in (
        select application_id from accepted group by application_id having count(*) > 1
    )
    qualify delivery_no < max(delivery_no) over (partition by application_id)
),
first_loan as (
    select borrower_key, min(disbursed_on) as disbursed_on
    from loan
    group by borrower_key
),
disbursed as (
    select
        *,
        is_approved
        and disbursed_at is not null
        and coalesce(drawdown_decision = 'approved', true)
            as is_disbursed
    from accepted
    anti join superseded using (delivery_no)
)
select
    key_of(disbursed.application_id) as application_key,
    disbursed.borrower_key,
    cast(date_trunc('month', disbursed.applied_at) as date) as cohort_month,
    coalesce(disbursed.channel, 'unknown') as channel,
    coalesce(disbursed.region, 'unknown') as region,
    coalesce(disbursed.industry, 'unknown') as industry,
    disbursed.decision,
    disbursed.drawdown_decision,
    disbursed.is_approved,
    disbursed.is_disbursed
    or (disbursed.is_approved and disbursed.drawdown_applied_at is not null)
        as is_drawdown_applied,
    disbursed.is_disbursed,
    coalesce(first_loan.disbursed_on < cast(disbursed.applied_at as date), false)
        as is_existing_borrower,
    disbursed.requested_amount,
    disbursed.approved_limit,
    disbursed.drawdown_amount,
    disbursed.application_score,
    disbursed.applied_at,
    disbursed.decided_at,
    disbursed.drawdown_applied_at,
    disbursed.drawdown_decided_at,
    disbursed.disbursed_at
from disbursed
left join first_loan using (borrower_key);

-- stage: fct_transaction
create table fct_transaction as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/transactions/*.parquet', file_row_number = true)
    union all by name
    select
        transaction_id,
        borrower_id,
        try_cast(occurred_at as timestamp) as occurred_at,
        try_cast(amount as decimal(18, 2)) as amount,
        kind,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/transactions/*.csv', all_varchar = true, ignore_errors = true
    )
),
accepted as materialized (
    select delivered.*, borrower.borrower_key
    from delivered
    inner join borrower using (borrower_id)
    where
        transaction_id is not null
        and occurred_at <= getvariable('now')
        and amount is not null
),
superseded as (
    select delivery_no
    from accepted
    where transaction_id in (
        select transaction_id from accepted group by transaction_id having count(*) > 1
    )
    qualify delivery_no < max(delivery_no) over (partition by transaction_id)
)
select
    key_of(transaction_id) as transaction_key,
    borrower_key,
    occurred_at,
    amount,
    kind
from accepted
anti join superseded using (delivery_no);

-- stage: fct_collection
create table fct_collection as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/collections/*.parquet', file_row_number = true)
    union all by name
    select
        contact_id,
        borrower_id,
        day_of(contacted_at) + try_cast(right(contacted_at, 8) as time)
            as contacted_at,
        medium,
        outcome,
        comma_money(promised_amount) as promised_amount,
        day_of(promised_on) as promised_on,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/collections/*.csv',
        all_varchar = true, ignore_errors = true, delim = ';', header = true
    )
    where promised_amount is null or comma_money(promised_amount) is not null
)
select
    key_of(delivered.contact_id) as contact_key,
    borrower.borrower_key,
    delivered.contacted_at,
    delivered.medium,
    delivered.outcome,
    delivered.promised_amount,
    delivered.promised_on
from delivered
inner join borrower using (borrower_id)
where
    delivered.contact_id is not null
    and delivered.contacted_at <= getvariable('now')
    and coalesce(delivered.promised_amount >= 0, true)
qualify delivery_no = max(delivery_no) over (partition by contact_id);

-- stage: fct_credit_limit
create table fct_credit_limit as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/credit_limits/*.parquet', file_row_number = true)
    union all by name
    select
        borrower_id,
        try_cast(effective_on as date) as effective_on,
        comma_money(credit_limit) as credit_limit,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/credit_limits/*.csv.gz',
        all_varchar = true, ignore_errors = true, delim = '|', header = true
    )
)
select borrower.borrower_key, delivered.effective_on, delivered.credit_limit
from delivered
inner join borrower using (borrower_id)
where delivered.effective_on is not null and delivered.credit_limit >= 0
qualify delivery_no = max(delivery_no) over (partition by borrower_id, effective_on);

drop table borrower;

-- stage: fct_business_adjustment
create table fct_business_adjustment as
select
    key_of(adjustment_id) as adjustment_key,
    adjusted_on,
    kind,
    magnitude,
    description
from read_parquet('{landing}/business_adjustments/*.parquet');

-- stage: repayments
create temp table delivered_payment as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/repayments/*.parquet', file_row_number = true)
    union all by name
    select
        loan_id,
        cast(instalment_no as integer) as instalment_no,
        cast(payment_no as integer) as payment_no,
        day_of(due_on) as due_on,
        dollars(due_amount) as due_amount,
        day_of(paid_on) as paid_on,
        dollars(paid_amount) as paid_amount,
        9000000000000000000 as delivery_no
    from read_csv(
        '{landing}/repayments/*.csv.gz',
        all_varchar = true, ignore_errors = true, header = true
    )
)
select
    loan.loan_no,
    delivered.instalment_no,
    delivered.payment_no,
    delivered.due_on,
    delivered.due_amount,
    delivered.paid_on,
    coalesce(delivered.paid_amount, 0) as paid_amount,
    delivered.delivery_no
from delivered
inner join loan using (loan_id)
where
    delivered.instalment_no >= 1
    and delivered.payment_no >= 0
    and delivered.due_on is not null
    and delivered.due_amount >= 0
    and coalesce(delivered.paid_amount >= 0, true)
    and coalesce(delivered.paid_on <= getvariable('today'), true)
    and (delivered.paid_on is not null or coalesce(delivered.paid_amount, 0) = 0)
    and (delivered.paid_on is null or delivered.paid_amount is not null);

-- stage: instalments in several rows
-- Only these have to be ranked, for the last delivery and for running sums.
create temp table several as
select loan_no, instalment_no
from delivered_payment
group by loan_no, instalment_no
having count(*) > 1;

create temp table one_of_several as
select delivered_payment.*
from delivered_payment
semi join several using (loan_no, instalment_no)
qualify delivery_no = max(delivery_no) over (
    partition by loan_no, instalment_no, payment_no
);

-- stage: instalments
create temp table instalment as
with running as (
    select
        *,
        sum(paid_amount) filter (paid_on is not null) over (
            partition by loan_no, instalment_no
            order by paid_on
            range between unbounded preceding and current row
        ) as paid_so_far
    from one_of_several
),
together as (
    select
        loan_no,
        instalment_no,
        due_on,
        due_amount,
        paid_amount,
        case when paid_on is null then 0 else 1 end as payments,
        paid_on as last_paid_on,
        case when paid_amount >= due_amount - 0.005 then paid_on end as settled_on,
        false as is_in_parts
    from delivered_payment
    anti join several using (loan_no, instalment_no)
    union all
    select
        loan_no,
        instalment_no,
        arg_max(due_on, payment_no) as due_on,
        arg_max(due_amount, payment_no) as due_amount,
        cast(sum(paid_amount) as decimal(18, 2)) as paid_amount,
        cast(count(paid_on) as integer) as payments,
        max(paid_on) as last_paid_on,
        -- Due amounts differ between rows of an instalment only by mistake.
        min(paid_on) filter (paid_so_far >= due_amount - 0.005) as settled_on,
        true as is_in_parts
    from running
    group by loan_no, instalment_no
)
select
    * exclude (settled_on),
    case when due_amount <= 0.005 then least(settled_on, due_on) else settled_on end
        as settled_on
from together;

drop table delivered_payment;
drop table several;

-- stage: fct_repayment
create table fct_repayment as
select
    loan.loan_key,
    instalment.instalment_no,
    instalment.due_on,
    instalment.due_amount,
    instalment.paid_amount,
    instalment.payments,
    instalment.last_paid_on,
    instalment.settled_on,
    case when instalment.settled_on is not null
        then cast(greatest(0, instalment.settled_on - instalment.due_on) as integer) end
        as days_late
from instalment
inner join loan using (loan_no);

-- stage: loan events
create temp table loan_event as
with delivered as (
    select
        *,
        cast(file_index * 4294967296 + file_row_number as bigint) as delivery_no
    from read_parquet('{landing}/loan_events/*.parquet', file_row_number = true)
    union all by name
    select
        loan_id,
        day_of(occurred_on) as occurred_on,
        kind,
        try_cast(amount as decimal(18, 2)) as amount,
        9000000000000000000 as delivery_no
    from read_csv('{landing}/loan_events/*.csv', all_varchar = true, ignore_errors = true)
    where amount is null or try_cast(amount as decimal(18, 2)) is not null
)
select loan.loan_no, delivered.occurred_on, delivered.kind, delivered.amount
from delivered
inner join loan using (loan_id)
where
    delivered.occurred_on <= getvariable('today')
    and delivered.kind in (
        'charge_off', 'paid_in_full', 'restructured', 'recovered', 'fraud'
    )
    and coalesce(delivered.amount >= 0, true)
qualify delivery_no = max(delivery_no) over (partition by loan_no, occurred_on, kind);

-- stage: fct_loan_event
create table fct_loan_event as
select loan.loan_key, loan_event.occurred_on, loan_event.kind, loan_event.amount
from loan_event
inner join loan using (loan_no);

-- stage: lives of loans
create temp table life as
with first_event as (
    select
        loan_no,
        min(occurred_on) filter (kind = 'charge_off') as charge_off_on,
        min(occurred_on) filter (kind = 'paid_in_full') as paid_in_full_on,
        min(occurred_on) filter (kind = 'fraud') as fraud_on
    from loan_event
    group by loan_no
),
schedule as (
    select
        loan_no,
        count(*) as instalments,
        count(*) - count(settled_on) as unsettled,
        max(settled_on) as last_settled_on,
        min(due_on + 30) filter (settled_on is null or settled_on >= due_on + 30)
            as past_due_on
    from instalment
    group by loan_no
),
candidate as (
    select
        loan.loan_no,
        loan.borrower_no,
        loan.principal,
        loan.principal_share,
        loan.disbursed_on,
        loan.first_month_no,
        schedule.past_due_on,
        case when first_event.charge_off_on is not null
            then greatest(first_event.charge_off_on, loan.disbursed_on) end
            as charge_off_on,
        case when first_event.paid_in_full_on is not null
            then greatest(first_event.paid_in_full_on, loan.disbursed_on) end
            as paid_in_full_on,
        case when first_event.fraud_on is not null
            then greatest(first_event.fraud_on, loan.disbursed_on) end
            as fraud_on,
        case when schedule.unsettled = 0
            and schedule.instalments >= loan.instalment_count
            then greatest(schedule.last_settled_on, loan.disbursed_on) end
            as settled_on,
        case when coalesce(schedule.unsettled, 0) = 0 and loan.matures_on is not null
            then greatest(loan.matures_on, schedule.last_settled_on) end
            as matured_on
    from loan
    left join first_event using (loan_no)
    left join schedule using (loan_no)
),
closed as (
    select
        *,
        least(charge_off_on, paid_in_full_on, settled_on, matured_on) as closed_on
    from candidate
),
while_open as (
    select
        * replace (
            case when charge_off_on = closed_on then charge_off_on end as charge_off_on,
            case when paid_in_full_on = closed_on then paid_in_full_on end
                as paid_in_full_on,
            case when fraud_on <= closed_on or closed_on is null then fraud_on end
                as fraud_on,
            case when past_due_on <= coalesce(closed_on, past_due_on)
                then greatest(past_due_on, disbursed_on) end
                as past_due_on
        ),
        case closed_on
            when charge_off_on then 'charge_off'
            when paid_in_full_on then 'paid_in_full'
            when settled_on then 'settled'
            when matured_on then 'matured'
        end as exit_reason
    from closed
),
with_event as (
    select *, least(charge_off_on, fraud_on, past_due_on) as event_on
    from while_open
)
select
    *,
    case event_on
        when fraud_on then 'fraud'
        when charge_off_on then 'charge_off'
        when past_due_on then 'days_past_due'
    end as event_kind,
    month_no_of(closed_on) as last_month_no,
    month_no_of(event_on) as event_month_no,
    least(month_no_of(closed_on), getvariable('last_month_no')) as last_row_month_no
from with_event;

-- stage: arrears
create temp table arrears as
with late as (
    select
        instalment.loan_no,
        instalment.due_on,
        least(instalment.settled_on, life.paid_in_full_on) as settled_on,
        unnest(range(
            greatest(month_no_of(instalment.due_on), life.first_month_no),
            least(month_no_of(instalment.settled_on), life.last_row_month_no) + 1
        )) as month_no
    from instalment
    inner join life using (loan_no)
    where instalment.settled_on is null or instalment.settled_on > instalment.due_on
)
select
    loan_no,
    month_no,
    cast(max(case
        when due_on >= last_day_of(month_no) or settled_on <= last_day_of(month_no) then 0
        else last_day_of(month_no) - due_on
    end) as integer) as days_past_due,
    cast(greatest(0, max(least(settled_on, last_day_of(month_no)) - due_on)) as integer)
        as days_past_due_max,
    cast(max(case
        when due_on >= month_of(month_no) - 1 or settled_on <= month_of(month_no) - 1
            then 0
        else month_of(month_no) - 1 - due_on
    end) as integer) as days_past_due_at_start
from late
group by loan_no, month_no;

-- stage: payments and restructurings
create temp table paid as
select loan_no, last_paid_on as paid_on, paid_amount
from instalment
where last_paid_on is not null and not is_in_parts
union all
select loan_no, paid_on, paid_amount
from one_of_several
where paid_on is not null;

create temp table shift as
with restructured as (
    select
        loan.loan_no,
        loan_event.occurred_on,
        cast(round(
            loan_event.amount - loan.principal
            + loan.principal_share * coalesce(sum(paid.paid_amount), 0), 6
        ) as decimal(24, 6)) as total_shift
    from loan_event
    inner join loan using (loan_no)
    left join paid
        on loan.loan_no = paid.loan_no and paid.paid_on <= loan_event.occurred_on
    where loan_event.kind = 'restructured' and loan_event.amount is not null
    group by
        loan.loan_no, loan.principal, loan.principal_share, loan_event.occurred_on,
        loan_event.amount
)
select
    loan_no,
    month_no_of(occurred_on) as month_no,
    max_by(total_shift, occurred_on) as total_shift
from restructured
group by all;

drop table instalment;
drop table one_of_several;

-- stage: loan months
create temp table loan_month as
with month_of_life as (
    select
        loan_no,
        unnest(range(first_month_no, last_row_month_no + 1)) as month_no
    from life
),
paid_in_month as (
    select
        loan_no,
        month_no_of(paid_on) as month_no,
        cast(sum(paid_amount) as decimal(18, 2)) as paid_amount
    from paid
    group by all
),
running as (
    select
        month_of_life.loan_no,
        month_of_life.month_no,
        arrears.days_past_due,
        arrears.days_past_due_max,
        arrears.days_past_due_at_start,
        sum(paid_in_month.paid_amount) over so_far as paid_amount,
        last_value(shift.total_shift ignore nulls) over so_far as principal_shift
    from month_of_life
    left join paid_in_month using (loan_no, month_no)
    left join arrears using (loan_no, month_no)
    left join shift using (loan_no, month_no)
    window so_far as (partition by loan_no order by month_no)
)
select
    loan_no,
    borrower_no,
    month_no,
    cast(month_no - first_month_no as integer) as months_on_book,
    coalesce(days_past_due, 0) as days_past_due,
    coalesce(days_past_due_max, 0) as days_past_due_max,
    coalesce(days_past_due_at_start, 0) as days_past_due_at_start,
    case
        when month_no = last_month_no then 0
        else cast(round(greatest(
            0.0,
            principal + coalesce(principal_shift, 0)
            - principal_share * coalesce(paid_amount, 0)
        ), 2) as decimal(18, 2))
    end as exposure,
    coalesce(month_no = last_month_no, false) as is_closed,
    month_no > first_month_no and coalesce(event_month_no >= month_no, true)
        as is_at_risk,
    coalesce(month_no > first_month_no and month_no = event_month_no, false) as is_event,
    coalesce(month_no = first_month_no and month_no = event_month_no, false)
        as is_event_in_first_month
from running
inner join life using (loan_no);

drop table paid;
drop table arrears;

-- stage: fct_loan_month
create table fct_loan_month as
select
    loan.loan_key,
    loan.borrower_key,
    month_of(loan_month.month_no) as month,
    loan_month.months_on_book,
    loan_month.days_past_due,
    loan_month.days_past_due_max,
    loan_month.days_past_due_at_start,
    loan_month.exposure,
    loan_month.is_closed,
    loan_month.is_at_risk,
    loan_month.is_event,
    loan_month.is_event_in_first_month
from loan_month
inner join loan using (loan_no);

-- stage: fct_loan
create table fct_loan as
with known as (
    select
        loan_no,
        disbursed_on <= last_day_of(getvariable('last_month_no')) as is_disbursed,
        closed_on <= last_day_of(getvariable('last_month_no')) as is_closed,
        event_on <= last_day_of(getvariable('last_month_no')) as has_event,
        closed_on,
        exit_reason,
        event_on,
        event_kind
    from life
)
select
    loan.loan_key,
    loan.borrower_key,
    loan.application_key,
    loan.principal,
    loan.annual_rate,
    loan.term_months,
    loan.cycle_days,
    loan.instalment_count,
    loan.principal_share,
    loan.disbursed_on,
    loan.matures_on,
    cast(null as varchar) as reported_outcome,
    cast(null as date) as observed_until,
    case when known.is_closed then known.closed_on end as closed_on,
    case when known.is_closed then known.exit_reason end as exit_reason,
    case when known.has_event then known.event_on end as event_on,
    case when known.has_event then known.event_kind end as event_kind,
    known.is_disbursed and known.is_closed is not true as is_open,
    coalesce(loan_month.exposure, 0) as exposure,
    coalesce(loan_month.days_past_due, 0) as days_past_due
from loan
inner join known using (loan_no)
left join loan_month
    on
        loan.loan_no = loan_month.loan_no
        and loan_month.month_no = getvariable('last_month_no');

-- stage: fct_borrower_month
create table fct_borrower_month as
with by_month as (
    select
        borrower_no,
        month_no,
        count(*) as loans,
        count(*) filter (is_at_risk) as loans_at_risk,
        max(days_past_due) as current_dpd_max,
        max(days_past_due_max) as days_past_due_max,
        max(days_past_due_at_start) as days_past_due_at_start,
        sum(exposure) as exposure,
        bool_or(is_event) as is_event,
        bool_or(is_event_in_first_month) as is_event_in_first_month
    from loan_month
    group by borrower_no, month_no
),
-- A charge-off or fraud keeps its borrower in default for twelve months.
default_month as (
    select distinct borrower_no, unnest(range(month_no + 1, month_no + 13)) as month_no
    from (
        select borrower_no, month_no_of(charge_off_on) as month_no
        from life
        where charge_off_on is not null
        union all
        select borrower_no, month_no_of(fraud_on) as month_no
        from life
        where fraud_on is not null
    )
),
judged as (
    select
        by_month.*,
        by_month.days_past_due_at_start >= 30 or default_month.borrower_no is not null
            as is_in_default,
        max(by_month.days_past_due_max) over (
            partition by by_month.borrower_no order by by_month.month_no
        ) as historical_dpd_max
    from by_month
    left join default_month using (borrower_no, month_no)
),
borrower_number as (
    select distinct borrower_no, borrower_key
    from loan
)
select
    borrower_number.borrower_key,
    month_of(judged.month_no) as month,
    cast(judged.loans as integer) as loans,
    cast(judged.loans_at_risk as integer) as loans_at_risk,
    judged.current_dpd_max,
    judged.historical_dpd_max,
    cast(judged.exposure as decimal(18, 2)) as exposure,
    judged.is_in_default,
    judged.loans_at_risk > 0 and not judged.is_in_default as is_at_risk,
    judged.loans_at_risk > 0 and not judged.is_in_default and judged.is_event as is_event,
    judged.is_event_in_first_month
from judged
inner join borrower_number using (borrower_no);
