create schema if not exists risk;
create schema if not exists audit;

-- Written anew by each run: what its SQL is to count.
create table if not exists audit.drift_request (
    run_id varchar not null,
    month date not null,
    first_month date not null,
    baseline_from date not null,
    baseline_to date not null,
    score_kind varchar not null,
    groups integer not null,
    tolerance double not null,
    min_class_applications integer not null,
    settling_months integer not null,
    credit_value_weight double not null,
    capability_weight double not null,
    pass_share double not null,
    channel_prior_loans double not null,
    capability_income_months double not null,
    capability_liquid_share double not null,
    review_cutoff double not null
);

alter table audit.drift_request
add column if not exists max_unknown_share double;

create table if not exists audit.drift_stage (
    stage varchar not null,
    stage_no integer not null,
    parent_stage varchar,
    is_available boolean not null,
    reason varchar
);

create table if not exists audit.drift_cut (
    cut_by varchar not null
);

create table if not exists risk.score_interval (
    cut_by varchar not null,
    cut_value varchar not null,
    stage varchar not null,
    cohort_month date not null,
    label varchar not null,
    ks_low double,
    ks_high double,
    vertical_change_low double,
    vertical_change_high double,
    horizontal_change_low double,
    horizontal_change_high double,
    baseline_change_low double,
    baseline_change_high double,
    selection_change double,
    selection_change_low double,
    selection_change_high double
);

alter table risk.score_interval add column if not exists baseline_change double;
alter table risk.score_interval add column if not exists is_inverted boolean;
alter table risk.score_interval add column if not exists is_baseline_inverted boolean;
alter table risk.score_interval add column if not exists expected_ks double;
