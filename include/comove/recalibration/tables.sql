create schema if not exists risk;
create schema if not exists audit;

-- Versions are only ever added; a version's bands never change. Exactly one version is
-- in force, once there is any.
create table if not exists risk.strategy_version (
    version integer primary key,
    status varchar not null,
    origin varchar not null,
    based_on integer,
    content_hash varchar not null,
    month date,
    main_factor varchar,
    why varchar not null,
    run_id varchar not null,
    proposed_by varchar not null,
    proposed_at timestamp not null,
    decided_by varchar,
    decided_at timestamp,
    decided_in_run varchar,
    reason varchar,
    effective_from timestamp,
    effective_to timestamp
);

create table if not exists risk.strategy_band (
    version integer not null,
    position integer not null,
    band varchar not null,
    score_from double,
    score_to double,
    action varchar not null,
    limit_factor double not null,
    primary key (version, position)
);

-- Whose score its points are of: own or lender.
alter table risk.strategy_version
add column if not exists score_kind varchar default 'own';

-- The tables below hold one assessment a month: a later run of the month replaces it.
create table if not exists risk.score_assessment (
    month date not null,
    main_factor varchar not null,
    stage varchar,
    label varchar,
    after_month date,
    drift_from date,
    drift_to date,
    calls varchar not null,
    why_none varchar,
    version_in_force integer not null,
    version integer,
    run_id varchar not null,
    assessed_at timestamp not null
);

-- Flags an assessment has seen; those of a version that was decided on stay for good.
create table if not exists risk.assessed_flag (
    month date not null,
    stage varchar not null,
    label varchar not null,
    cohort_month date not null,
    version integer,
    run_id varchar not null
);

create table if not exists risk.recalibration (
    month date not null,
    candidate varchar not null,
    kind varchar not null,
    threshold double,
    edges varchar not null,
    effect double not null,
    effect_low double not null,
    effect_high double not null,
    loans bigint not null,
    bad_loans bigint not null,
    is_selected boolean not null,
    main_factor varchar not null,
    status varchar not null,
    version integer,
    run_id varchar not null,
    assessed_at timestamp not null
);

create table if not exists risk.recalibration_factor (
    month date not null,
    factor varchar not null,
    stage varchar not null,
    label varchar not null,
    after_month date not null,
    drift_from date not null,
    drift_to date not null,
    adjustments bigint not null,
    magnitude double not null,
    weight double not null,
    exposed_applications double not null,
    gap double not null,
    weighted_gap double not null,
    is_main boolean not null,
    run_id varchar not null
);

create table if not exists risk.score_performance (
    month date not null,
    span varchar not null,
    cohort_from date not null,
    cohort_to date not null,
    loans bigint not null,
    bad_loans bigint not null,
    predicted_bad double,
    bad_ratio double,
    ratio_low double,
    ratio_high double,
    ks double,
    ks_low double,
    ks_high double,
    ks_band varchar not null,
    is_band_sure boolean not null,
    run_id varchar not null
);

alter table risk.score_assessment
add column if not exists score_kind varchar default 'own';
alter table risk.recalibration
add column if not exists score_kind varchar default 'own';
