create schema if not exists risk;

-- Ids are hashes of what they name, so that the same event, action or rule always has
-- the same id; nothing here is ever deleted or replaced by a later run.
create table if not exists risk.default_event (
    event_id varchar not null,
    borrower_key varchar not null,
    month date not null,
    -- Month the posterior knew last, and the month after it, which is predicted.
    as_of_month date not null,
    forecast_month date not null,
    region varchar not null,
    industry varchar not null,
    pd double,
    pd_star double not null,
    pd_source varchar not null,
    origin varchar not null,
    detected_by varchar not null,
    initial_links bigint not null,
    linked_debtors bigint not null,
    model_version varchar not null,
    previous_version varchar not null,
    run_id varchar not null,
    detected_at timestamp not null
);

create table if not exists risk.linked_debtor (
    event_id varchar not null,
    borrower_key varchar not null,
    month date not null,
    region varchar not null,
    industry varchar not null,
    exposure double not null,
    pd double not null,
    joint_risk_index double not null,
    index_q05 double not null,
    index_q95 double not null,
    link_lift double not null,
    lift_q05 double not null,
    lift_q95 double not null,
    probability_of_lift double not null,
    joint_probability double not null,
    strategy varchar,
    model_version varchar not null
);

create table if not exists risk.strategy_action (
    action_id varchar not null,
    event_id varchar not null,
    borrower_key varchar not null,
    month date not null,
    strategy varchar not null,
    status varchar not null,
    joint_risk_index double not null,
    joint_probability double not null,
    exposure double not null,
    contacts_per_week_before double,
    contacts_per_week double,
    -- Terms of the strategy as they were when it was proposed: who approves a freeze
    -- approves these, whatever the seed says by then.
    index_from double,
    limit_factor double,
    valid_months integer,
    scope varchar,
    min_share double,
    acts_from date,
    is_strongest boolean not null,
    decided_by varchar,
    decided_at timestamp,
    reason varchar,
    run_id varchar not null,
    decided_in_run varchar,
    waiting_id varchar,
    proposed_at timestamp not null
);

-- Which freezes a person was shown: an answer holds for these and no others.
create table if not exists risk.freeze_question (
    waiting_id varchar not null,
    action_id varchar not null,
    asked_in_run varchar not null,
    asked_at timestamp not null
);

create table if not exists risk.lending_control (
    control_id varchar not null,
    region varchar,
    industry varchar,
    strategy varchar not null,
    limit_factor double not null,
    valid_from date not null,
    valid_to date not null,
    event_id varchar not null,
    caused_by varchar not null,
    linked_debtors bigint not null,
    run_id varchar not null,
    written_at timestamp not null
);

-- Homes from before these columns.
alter table risk.strategy_action add column if not exists waiting_id varchar;
alter table risk.strategy_action add column if not exists index_from double;
alter table risk.strategy_action add column if not exists limit_factor double;
alter table risk.strategy_action add column if not exists valid_months integer;
alter table risk.strategy_action add column if not exists scope varchar;
alter table risk.strategy_action add column if not exists min_share double;
alter table risk.strategy_action add column if not exists acts_from date;
