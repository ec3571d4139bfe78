create schema if not exists raw;
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists marts;
create schema if not exists risk;
create schema if not exists audit;

create table if not exists audit.run (
    run_id varchar primary key,
    dag_id varchar not null,
    portfolio varchar not null,
    month date,
    status varchar not null,
    git_sha varchar,
    settings_hash varchar not null,
    input_hash varchar,
    seed bigint not null,
    versions varchar not null,
    row_counts varchar,
    started_at timestamp not null,
    finished_at timestamp
);

create table if not exists audit.delivery (
    file varchar not null,
    entity varchar not null,
    batch_id varchar,
    sha256 varchar not null,
    size_bytes bigint not null,
    modified_at timestamp not null,
    format varchar,
    encoding varchar,
    delimiter varchar,
    rows_landed bigint not null,
    rows_unreadable bigint not null,
    rows_recoded bigint not null,
    missing_columns varchar,
    unknown_columns varchar,
    status varchar not null,
    rule varchar,
    reason varchar,
    landed_at timestamp not null,
    run_id varchar not null
);

create table if not exists audit.unreadable_row (
    entity varchar not null,
    batch_id varchar,
    file varchar not null,
    row_number bigint,
    rule varchar not null,
    reason varchar not null,
    raw varchar
);

create table if not exists audit.quality_result (
    run_id varchar not null,
    stage varchar not null,
    check_name varchar not null,
    severity varchar not null,
    success boolean not null,
    observed varchar,
    expected varchar,
    table_name varchar,
    column_name varchar,
    reason varchar,
    checked_at timestamp not null
);

create table if not exists audit.published_table (
    schema_name varchar not null,
    table_name varchar not null,
    run_id varchar not null,
    month date,
    rows_published bigint not null,
    published_at timestamp not null,
    primary key (schema_name, table_name)
);

create table if not exists audit.built_batch (
    batch_id varchar primary key,
    run_id varchar not null,
    built_at timestamp not null
);

create table if not exists audit.stage_time (
    run_id varchar not null,
    stage varchar not null,
    position integer not null,
    seconds double not null,
    primary key (run_id, stage)
);

create table if not exists audit.unavailable_model (
    run_id varchar not null,
    purpose varchar not null,
    reason varchar not null,
    primary key (run_id, purpose)
);
