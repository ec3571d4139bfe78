-- Which grades may stay: those of borrowers whose facts up to the day graded to are the
-- same as when they were graded. Whatever arrived late or was corrected changes them.
with request as (

    select * from {{ source('audit', 'overdue_grade_request') }}

),

cycle_days as (

    select * from {{ ref('int_overdue_cycle_day') }}

),

lateness as (

    select * from {{ ref('int_overdue_lateness') }}

),

graded_before as (

    select * from {{ source('overdue_grade', 'overdue_grade_input') }}

),

borrowers as (

    select distinct
        borrower_no,
        borrower_key
    from {{ ref('int_loan') }}

),

facts as (

    select
        borrower_no,
        observed_on as known_on,
        {{ fact_number(['observed_on', '1']) }} as fact
    from cycle_days
    union all
    select
        borrower_no,
        {{ days_after('due_on', 1) }} as known_on,
        {{ fact_number(['due_on', '2']) }} as fact
    from lateness
    union all
    select
        borrower_no,
        late_until as known_on,
        {{ fact_number(['due_on', 'late_until', '3']) }} as fact
    from lateness
    where late_until is not null

),

summed as (

    select
        facts.borrower_no,
        cast(sum(facts.fact) as bigint) as facts_hash,
        cast(
            sum(case when facts.known_on <= request.graded_until then facts.fact end)
            as bigint
        ) as facts_hash_before
    from facts
    cross join request
    group by facts.borrower_no

),

int_overdue_borrower as (

    select
        summed.borrower_no,
        borrowers.borrower_key,
        summed.facts_hash,
        case
            when summed.facts_hash_before = graded_before.facts_hash
                then request.graded_until
        end as graded_until
    from summed
    inner join borrowers on summed.borrower_no = borrowers.borrower_no
    cross join request
    left join graded_before on borrowers.borrower_key = graded_before.borrower_key

)

select * from int_overdue_borrower
