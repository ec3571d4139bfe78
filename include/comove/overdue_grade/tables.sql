create schema if not exists risk;
create schema if not exists audit;
create schema if not exists intermediate;

-- Written anew by each run: what its SQL is to make.
create table if not exists audit.overdue_grade_request (
    run_id varchar not null,
    month date not null,
    as_of date not null,
    graded_until date,
    first_weight double not null,
    min_weight double not null,
    max_weight double not null,
    adjustment double not null,
    window_months integer not null,
    window_days integer not null
);

-- One row: how far, and by which rules, grades were made to the end.
create table if not exists audit.overdue_grade_state (
    run_id varchar not null,
    graded_until date not null,
    rules_hash varchar not null
);

create table if not exists intermediate.overdue_grade_input (
    borrower_key varchar not null,
    facts_hash bigint not null
);
