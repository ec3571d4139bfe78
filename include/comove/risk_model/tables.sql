create schema if not exists risk;
create schema if not exists audit;

-- The large tables have no primary key: DuckDB refuses to delete and insert a key in
-- one transaction. `store` refuses duplicates before it writes, and the gate looks again.
create table if not exists risk.pd_candidate (
    borrower_key varchar not null,
    month date not null,
    is_event boolean not null,
    fold date not null,
    pd_xgboost double,
    pd_logit double,
    pd_blend double
);

create table if not exists risk.pd_prediction (
    borrower_key varchar not null,
    month date not null,
    pd double not null,
    is_event boolean not null,
    model_version varchar not null,
    algorithm varchar not null,
    is_out_of_sample boolean not null
);

create table if not exists risk.pd_forecast (
    borrower_key varchar not null,
    month date not null,
    pd double not null,
    model_version varchar not null,
    algorithm varchar not null
);

create table if not exists risk.score (
    application_key varchar not null,
    -- Month of the run that scored it; the newest is kept.
    as_of date not null,
    score double,
    pd double,
    model_version varchar,
    scoring varchar,
    reason_codes varchar,
    performance_label varchar,
    is_mature boolean not null,
    outcome_source varchar
);
-- Homes of before it was kept.
alter table risk.score add column if not exists outcome_source varchar;

create table if not exists audit.model_registry (
    model_version varchar primary key,
    purpose varchar not null,
    algorithm varchar not null,
    status varchar not null,
    is_champion boolean not null,
    data_hash varchar not null,
    settings_hash varchar not null,
    seed bigint not null,
    features varchar not null,
    library_versions varchar not null,
    metrics varchar not null,
    trained_from date,
    trained_to date,
    first_month_predicted date not null,
    rows_trained bigint not null,
    events_trained bigint not null,
    artifact_path varchar not null,
    card_path varchar,
    refused_because varchar,
    run_id varchar not null,
    registered_at timestamp not null
);

create table if not exists audit.model_promotion (
    purpose varchar not null,
    algorithm varchar,
    effective_from date not null,
    decided_by varchar not null,
    reason varchar not null,
    run_id varchar,
    decided_at timestamp not null
);

create table if not exists audit.risk_request (
    month date not null,
    first_month date not null,
    last_month date not null,
    residual_from_month date not null,
    seed bigint not null
);
