create schema if not exists risk;
create schema if not exists audit;

create table if not exists audit.overdue_request (
    borrower_key varchar not null,
    as_of date not null
);

create table if not exists risk.overdue_probability (
    borrower_key varchar not null,
    as_of date not null,
    repaid_probability double not null,
    recovery_share double not null,
    model_version varchar not null,
    model_reasons varchar not null,
    run_id varchar not null,
    primary key (borrower_key, as_of)
);

create table if not exists risk.overdue_assessment (
    borrower_key varchar not null,
    as_of date not null,
    status varchar not null,
    overdue_amount decimal(18, 2) not null,
    days_overdue integer not null,
    is_target_type boolean,
    type_probability double,
    liquid_assets double,
    fixed_assets double,
    repayment_capacity double,
    rating varchar,
    collection_strategy varchar,
    contact_medium varchar,
    contacts_per_week double,
    weeks integer,
    performed_by varchar,
    planned_cost double,
    cost_ceiling double,
    expected_recovery double,
    reason_codes varchar not null,
    model_version varchar,
    origin varchar not null,
    asked_by varchar not null,
    run_id varchar not null,
    assessed_at timestamp not null,
    primary key (borrower_key, as_of)
);

-- Decisions that were in force until a later run replaced them; rows are only added.
create table if not exists risk.overdue_assessment_replaced as
select
    *,
    cast(null as timestamp) as replaced_at,
    cast(null as varchar) as replaced_by
from risk.overdue_assessment
where false;
