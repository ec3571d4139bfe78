-- A lender whose every figure is in order: {borrowers} borrowers with one loan of twelve
-- instalments each, delivered in two equal batches. Three in a hundred fall into arrears.
create or replace macro landed_on(i) as
    timestamp '2026-01-01' + interval 1 day * (i % 2)::integer;
create or replace macro named(prefix, i) as prefix || lpad(i::varchar, 8, '0');

create table raw.base_contract__borrowers as
select
    named('b', i) as borrower_id, named('b', i) as borrower_key,
    if(i % 5 = 0, 'company', 'person') as kind,
    'name' as name, date '1980-01-01' as born_or_founded_on,
    if(i % 20 = 0, null, 'region ' || i % 7) as region,
    'address' as address, 'industry ' || i % 3 as industry,
    timestamp '2020-01-01' as registered_at,
    (1000 + i % 97)::decimal(18, 2) as monthly_income,
    (i % 11)::decimal(18, 2) as other_income, (i % 60)::integer as employment_months,
    (i % 501)::decimal(18, 2) as liquid_assets, (i % 53)::decimal(18, 2) as fixed_assets,
    (i % 503)::decimal(18, 2) as house_value, (i % 59)::decimal(18, 2) as vehicle_value,
    (i % 61)::decimal(18, 2) as company_assets,
    (500 + i % 200)::double as personal_credit_score,
    (500 + i % 201)::double as family_credit_score,
    (500 + i % 203)::double as company_credit_score,
    'b.csv' as _file, i + 1 as _row, 'batch' || i // 2 % 2 as _batch,
    landed_on(i // 2) as _landed_at, 'accepted' as _status,
    null::varchar as _rule, null::varchar as _reason
from range({borrowers}) as r (i);

create table raw.contract__borrowers as
select
    borrower_id, kind, name, born_or_founded_on, region, address, industry, registered_at,
    monthly_income, other_income, employment_months, liquid_assets, fixed_assets,
    house_value, vehicle_value, company_assets, personal_credit_score,
    family_credit_score, company_credit_score,
    null::varchar as _extra, _file, _row, _landed_at, _batch
from raw.base_contract__borrowers;
create table raw.contract__borrowers__text as
select columns(*)::varchar from raw.contract__borrowers limit 0;

create view staging.stg_contract__borrowers as
select
    borrower_key, kind, coalesce(region, 'unknown') as region, industry,
    year(born_or_founded_on)::integer as birth_year, registered_at, monthly_income,
    other_income, employment_months, liquid_assets, fixed_assets, house_value,
    vehicle_value, company_assets, personal_credit_score, family_credit_score,
    company_credit_score, _batch, _landed_at
from raw.base_contract__borrowers where _status = 'accepted';

create table raw.base_contract__applications as
select
    named('a', i) as application_key, named('b', i) as borrower_key,
    'channel ' || i % 3 as channel,
    timestamp '2024-12-01' + interval 1 month * (i // 3 % 12)::integer as applied_at,
    (1000 + i % 100 * 10)::decimal(18, 2) as requested_amount,
    'region ' || i % 7 as region, 'industry ' || i % 3 as industry,
    if(i % 10 = 0, 'rejected', 'approved') as decision,
    applied_at + interval 1 day as decided_at,
    if(i % 10 = 0, null, 1000)::decimal(18, 2) as approved_limit,
    applied_at + interval 2 day as drawdown_applied_at,
    1000::decimal(18, 2) as drawdown_amount, 'approved' as drawdown_decision,
    applied_at + interval 3 day as drawdown_decided_at,
    if(i % 10 = 0, null, applied_at + interval 4 day) as disbursed_at,
    (i % 300)::double as application_score,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at,
    'accepted' as _status
from range({borrowers}) as r (i);
create view staging.stg_contract__applications as
select * exclude (_status) from raw.base_contract__applications;

create table raw.base_contract__loans as
select
    named('l', i) as loan_key, named('a', i) as application_key,
    named('b', i) as borrower_key, (1200 + i % 101 * 12)::decimal(18, 2) as principal,
    0.2 + i % 13 / 100 as annual_rate, 12::integer as term_months,
    30::integer as cycle_days, date '2025-01-01' + interval 1 month * (i // 3 % 12)::integer
        as disbursed_at,
    disbursed_at::date as disbursed_on,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at,
    'accepted' as _status
from range({borrowers}) as r (i);
alter table raw.base_contract__loans drop column disbursed_at;
create view staging.stg_contract__loans as
select * exclude (_status) from raw.base_contract__loans where _status = 'accepted';

create table raw.base_contract__repayments as
select
    loans.loan_key, n::integer as instalment_no, 1::integer as payment_no,
    loans.principal / 12 as due_amount, loans.principal / 12 as paid_amount,
    (loans.disbursed_on + interval 1 month * n::integer)::date as due_on, due_on as paid_on,
    loans._batch, loans._landed_at, 'accepted' as _status
from raw.base_contract__loans as loans, range(1, 13) as r (n);
alter table raw.base_contract__repayments alter column due_amount type decimal(18, 2);
alter table raw.base_contract__repayments alter column paid_amount type decimal(18, 2);
create view staging.stg_contract__repayments as
select * exclude (_status) from raw.base_contract__repayments
where _status = 'accepted';

create table raw.base_contract__loan_events as
select
    named('l', i) as loan_key, if(i % 2 = 0, 'paid_in_full', 'charge_off') as kind,
    date '2025-12-01' as occurred_on, 100::decimal(18, 2) as amount,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at, 'accepted' as _status
from range({borrowers}) as r (i);
create view staging.stg_contract__loan_events as
select * exclude (_status) from raw.base_contract__loan_events;

create table raw.base_contract__collections as
select
    named('c', i) as contact_key, named('b', i) as borrower_key,
    timestamp '2025-12-01' as contacted_at, 'sms' as medium, 'paid' as outcome,
    100::decimal(18, 2) as promised_amount, date '2025-12-02' as promised_on,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at, 'accepted' as _status
from range({borrowers}) as r (i);
create view staging.stg_contract__collections as
select * exclude (_status) from raw.base_contract__collections;

create table raw.base_contract__transactions as
select
    named('t', i) as transaction_key, named('b', i) as borrower_key,
    timestamp '2025-12-01' as occurred_at,
    if(i % 3 = 0, -50, 50)::decimal(18, 2) as amount, 'card' as kind,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at, 'accepted' as _status
from range({borrowers}) as r (i);
create view staging.stg_contract__transactions as
select * exclude (_status) from raw.base_contract__transactions;

create table raw.base_contract__credit_limits as
select
    named('b', i) as borrower_key, date '2025-01-01' as effective_on,
    1000::decimal(18, 2) as credit_limit,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at, 'accepted' as _status
from range({borrowers}) as r (i);
create view staging.stg_contract__credit_limits as
select * exclude (_status) from raw.base_contract__credit_limits;

create table raw.base_contract__business_adjustments as
select
    named('x', i) as adjustment_key, 'policy' as kind, 'text' as description,
    0.5 as magnitude, date '2025-06-01' as adjusted_on,
    'batch' || i // 2 % 2 as _batch, landed_on(i // 2) as _landed_at, 'accepted' as _status
from range(10) as r (i);
create view staging.stg_contract__business_adjustments as
select * exclude (_status) from raw.base_contract__business_adjustments;

insert into audit.run
    (run_id, dag_id, portfolio, month, status, settings_hash, seed, versions, started_at)
values ('run', 'warehouse', 'contract', date '2025-12-01', 'running', 'x', 1, '{}', now());

insert into audit.delivery
select
    _file, 'borrowers', _batch, _batch, 1, now(), 'csv', 'utf-8', ',', count(*), 0, 0,
    null, null, 'landed', null, null, max(_landed_at), 'run'
from raw.contract__borrowers group by _file, _batch;

create table audit.reconciliation as
select
    'loans' as entity, 'batch' as batch_id, 100::bigint as rows_landed,
    97::bigint as rows_accepted, 2::bigint as rows_quarantined,
    1::bigint as rows_superseded, 1000::decimal(38, 2) as amount_landed,
    970::decimal(38, 2) as amount_accepted, 20::decimal(38, 2) as amount_quarantined,
    10::decimal(38, 2) as amount_superseded;
create table audit.quarantine as
select
    'loans' as entity, 'batch' as batch_id, 'l.csv' as file, 7::bigint as row_number,
    'missing_principal' as rule, 'why' as reason, '{}' as raw;
create table audit.availability as
select 'loans' as entity, true as is_available, null::varchar as reason;

create table marts.dim_borrower as
select borrower_key, kind, region, industry from staging.stg_contract__borrowers;
create table marts.fct_application as
select
    application_key, borrower_key, date_trunc('month', applied_at)::date as cohort_month,
    channel, decision = 'approved' as is_approved,
    decision = 'approved' as is_drawdown_applied, decision = 'approved' as is_disbursed,
    false as is_existing_borrower, requested_amount
from staging.stg_contract__applications;
create table marts.fct_loan as
select loan_key, borrower_key, principal, disbursed_on, principal as exposure
from staging.stg_contract__loans;
create table marts.fct_repayment as
select loan_key, instalment_no, due_on, due_amount, paid_amount, 0 as days_late
from staging.stg_contract__repayments;
-- Constant exposure per loan over one year: the newest month looks like those before it.
create table marts.fct_loan_month as
select
    loan_key, borrower_key, (date '2025-01-01' + interval 1 month * m::integer)::date
        as month,
    m::integer as months_on_book, exposure, true as is_at_risk,
    (loan_no + m) % 33 = 0 as is_event,
    if(is_event, 30, 0)::integer as days_past_due
from (
    select *, row_number() over (order by loan_key) as loan_no from marts.fct_loan
) as loans, range(12) as r (m);
create table marts.fct_borrower_month as
select
    borrower_key, month, bool_or(is_at_risk) as is_at_risk, bool_or(is_event) as is_event,
    max(days_past_due) as current_dpd_max, max(days_past_due) as historical_dpd_max,
    sum(exposure) as exposure
from marts.fct_loan_month group by borrower_key, month;

insert into audit.published_table
select 'marts', 'dim_borrower', 'earlier', date '2025-11-01', count(*), now()
from marts.dim_borrower;
