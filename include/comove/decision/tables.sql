create schema if not exists risk;

-- Who is taken for the same person under a later key, and which pairs a person has to
-- judge. Keys and probabilities only: names, birth dates and addresses stay in `raw`.
create table if not exists risk.identity_link (
    borrower_key varchar not null,
    former_borrower_key varchar not null,
    match_probability double not null,
    known_from date not null,
    decided_by varchar not null,
    model_version varchar not null,
    run_id varchar not null,
    linked_at timestamp not null
);

-- The links taken together, both ways: another key of the same person, and from when.
create table if not exists risk.identity_person (
    borrower_key varchar not null,
    known_as varchar not null,
    known_from date not null
);

create table if not exists risk.identity_review (
    borrower_key varchar not null,
    former_borrower_key varchar not null,
    match_probability double not null,
    known_from date not null,
    status varchar not null,
    model_version varchar not null,
    run_id varchar not null,
    found_at timestamp not null
);

-- Settings and seed rows that decisions were made by, so that they can be replayed.
create table if not exists risk.decision_policy (
    policy_hash varchar not null,
    policy varchar not null,
    run_id varchar not null,
    first_used_at timestamp not null
);

-- Rules of lending control that decisions were made under, as they stood then: from the
-- moment a run saw a rule first until a run saw that it was gone or changed.
create table if not exists risk.decision_control (
    control_id varchar not null,
    region varchar,
    industry varchar,
    strategy varchar not null,
    limit_factor double not null,
    valid_from date not null,
    valid_to date not null,
    event_id varchar not null,
    written_at timestamp not null,
    kept_at timestamp,
    gone_at timestamp
);

-- What was known of an application, and what models said of it, when it was decided; rows
-- are only added.
create table if not exists risk.decision_input (
    application_key varchar not null,
    as_of date not null,
    borrower_key varchar not null,
    former_borrower_key varchar,
    cohort_month date not null,
    kind varchar,
    region varchar,
    industry varchar,
    age_band varchar not null,
    is_existing_borrower boolean not null,
    identity_status varchar not null,
    contradiction varchar,
    requested_amount double,
    monthly_income double,
    monthly_inflow double,
    largest_repaid double,
    open_principal double not null,
    admission_probability double,
    admission_source varchar not null,
    admission_reasons varchar not null,
    score double,
    model_version varchar,
    limit_estimate double,
    limit_version varchar,
    run_id varchar not null,
    estimated_at timestamp not null
);

-- Which decisions a person was asked about, and the answer to each; rows are only added
-- and answered, so that every answer to an application stays known.
create table if not exists risk.review_question (
    waiting_id varchar not null,
    application_key varchar not null,
    proposed_decision varchar not null,
    -- When somebody had answered about it before.
    last_reviewed_at timestamp,
    asked_in_run varchar not null,
    asked_at timestamp not null,
    answer varchar,
    answered_by varchar,
    answered_at timestamp,
    reason varchar
);

-- Decisions are made once; a person's answer completes them.
create table if not exists risk.credit_decision (
    application_key varchar not null,
    borrower_key varchar not null,
    cohort_month date not null,
    decided_as_of date not null,
    -- What was written later was not known to the decision.
    known_until timestamp not null,
    is_existing_borrower boolean not null,
    identity_status varchar not null,
    kind varchar,
    region varchar,
    industry varchar,
    age_band varchar not null,
    requested_amount double,
    admission varchar not null,
    admission_probability double,
    admission_source varchar not null,
    score double,
    qualification varchar,
    limit_estimate double,
    limit_ceiling double,
    limit_before_control double not null,
    limit_if_admitted double not null,
    credit_limit double not null,
    limit_band varchar,
    strategy varchar,
    first_draw_share double,
    control_applied varchar,
    control_id varchar,
    event_id varchar,
    limit_factor double,
    proposed_decision varchar not null,
    -- The step that refused.
    refused_at varchar,
    reason_codes varchar not null,
    needs_review boolean not null,
    origin varchar not null,
    review_status varchar not null,
    reviewed_by varchar,
    reviewed_at timestamp,
    review_reason varchar,
    reviewed_in_run varchar,
    final_decision varchar,
    model_version varchar,
    limit_version varchar,
    policy_hash varchar not null,
    run_id varchar not null,
    decided_at timestamp not null
);

-- Homes from before these columns, and from before `historical`.
alter table risk.decision_control add column if not exists kept_at timestamp;
alter table risk.decision_control add column if not exists gone_at timestamp;
alter table risk.decision_input add column if not exists features varchar;
alter table risk.credit_decision
add column if not exists score_band_version integer;
alter table risk.credit_decision add column if not exists score_band varchar;
alter table risk.credit_decision add column if not exists score_band_factor double;
alter table risk.identity_review add column if not exists settled_by varchar;
alter table risk.identity_review add column if not exists settled_at timestamp;
alter table risk.identity_review add column if not exists reason varchar;
alter table risk.identity_review add column if not exists settled_in_run varchar;
update risk.credit_decision set review_status = 'historical', final_decision = null
where review_status = 'not asked' or (origin = 'backfill' and review_status = 'not needed');
