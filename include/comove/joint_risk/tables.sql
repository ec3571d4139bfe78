create schema if not exists risk;
create schema if not exists audit;

-- What the running build is to count: one row.
create table if not exists audit.joint_request (
    month date not null,
    from_month date not null,
    pd_bands integer not null,
    min_group_events double not null,
    region_attribute varchar not null,
    industry_attribute varchar not null
);
alter table audit.joint_request add column if not exists min_own_events double;

-- What a value with too few events of its own is counted with: a state's division.
create table if not exists audit.joint_parent (
    attribute varchar not null,
    value varchar not null,
    parent varchar not null
);

-- Bands of the uniforms that the ordinal likelihood counts.
create table if not exists audit.joint_band (
    band integer not null,
    from_uniform double not null,
    to_uniform double not null
);

-- Fits, accepted or not. `as_of_month` is the last month the fit knew.
create table if not exists audit.posterior (
    model_version varchar primary key,
    as_of_month date not null,
    copula varchar not null,
    factors varchar not null,
    accepted boolean not null,
    reason varchar,
    r_hat double,
    ess_bulk double,
    ess_tail double,
    divergences bigint,
    bfmi double,
    chains integer,
    draws integer,
    seconds double,
    data_hash varchar not null,
    settings_hash varchar not null,
    artifact_path varchar not null,
    run_id varchar not null,
    fitted_at timestamp not null
);

-- The large tables have no primary key: DuckDB refuses to delete and insert a key in one
-- transaction. `store` refuses duplicates before it writes, and the gate looks again.
create table if not exists risk.factor_posterior (
    parameter varchar not null,
    group_name varchar,
    month date,
    mean double not null,
    sd double not null,
    q05 double not null,
    q95 double not null,
    r_hat double,
    ess_bulk double,
    ess_tail double,
    as_of_month date not null,
    model_version varchar not null,
    run_id varchar not null
);

create table if not exists risk.cell_link (
    month date not null,
    as_of_month date not null,
    region_a varchar not null,
    industry_a varchar not null,
    region_b varchar not null,
    industry_b varchar not null,
    correlation double not null,
    correlation_q05 double,
    correlation_q95 double,
    correlation_unconditional double,
    lift double not null,
    lift_q05 double not null,
    lift_q95 double not null,
    probability_of_lift double,
    model_version varchar not null
);

create table if not exists risk.joint_risk_index (
    borrower_key varchar not null,
    month date not null,
    as_of_month date not null,
    region varchar not null,
    industry varchar not null,
    exposure double not null,
    pd double not null,
    pd_star double not null,
    joint_probability double not null,
    probability_q05 double not null,
    probability_q95 double not null,
    joint_risk_index double not null,
    q05 double not null,
    q95 double not null,
    joint_risk_index_previous double,
    previous_q05 double,
    previous_q95 double,
    joint_risk_change double,
    change_q05 double,
    change_q95 double,
    probability_index_above_one double,
    model_version varchar not null
);

create table if not exists risk.index_validation (
    month date not null,
    model varchar not null,
    log_loss double not null,
    brier double not null,
    auc double,
    n bigint not null,
    events bigint not null,
    expected_events double,
    skill double,
    skill_se double,
    skill_q05 double,
    skill_q95 double,
    model_version varchar
);

-- `month` is the month predicted out of time, `as_of_month` the last the fits knew.
create table if not exists risk.model_comparison (
    month date not null,
    as_of_month date not null,
    model varchar not null,
    elpd_loo double not null,
    elpd_loo_se double not null,
    elpd_difference double not null,
    elpd_difference_se double not null,
    p_loo double not null,
    pareto_k_above double not null,
    groups bigint not null,
    out_of_time_log_loss double,
    model_version varchar not null
);

create table if not exists risk.portfolio_loss (
    month date not null,
    as_of_month date not null,
    copula varchar not null,
    measure varchar not null,
    amount double not null,
    mc_error double not null,
    model_version varchar not null
);

create table if not exists risk.portfolio_loss_cell (
    month date not null,
    as_of_month date not null,
    copula varchar not null,
    region varchar not null,
    industry varchar not null,
    measure varchar not null,
    contribution double not null,
    mc_error double,
    model_version varchar not null
);
