-- Which months this build makes: those asked for, and earlier ones changed by rows that
-- arrived since the last build.
with build_request as (
    select * from {{ source('audit', 'build_request') }}
),

built as (
    select batch_id from {{ source('audit', 'built_batch') }}
),

loans as (
    select * from {{ staged('loans') }}
),

{% if var('source') == 'contract' -%}
    arrived_repayments as (
        select arrived.*
        from (
            {{
                touched_days(
                    ref('base_contract__repayments'),
                    key=['loan_id', 'instalment_no', 'payment_no'],
                    days=['due_on', 'paid_on'],
                    compared=['due_on', 'due_amount', 'paid_on', 'paid_amount'],
                    keep=['loan_id', 'instalment_no', 'due_on', 'due_amount'],
                )
            }}
        ) as arrived
        -- A build of every month need not ask which months have changed.
        where (select build_request.build_from from build_request) is not null
    ),

{% endif -%}
touched as (
    {% if var('source') == 'contract' -%}
        {{
            touched_days(
                ref('base_contract__loans'),
                key=['loan_id'],
                days=['disbursed_on'],
                compared=[
                    'borrower_id', 'application_id', 'principal', 'annual_rate',
                    'term_months', 'disbursed_on', 'cycle_days',
                ],
            )
        }}
        union all
        select arrived_repayments.touched_on
        from arrived_repayments
        union all
        {{
            touched_through_instalments(
                'arrived_repayments',
                ref('base_contract__loans'),
                ref('base_contract__repayments'),
            )
        }}
        union all
        {{
            touched_days(
                ref('base_contract__loan_events'),
                key=['loan_id', 'occurred_on', 'kind'],
                days=['occurred_on'],
                compared=['amount'],
            )
        }}
        union all
        -- A borrower's first accepted row lets in the loans that waited for it, also as
        -- corrections of what stood until now.
        select delivered.disbursed_on as touched_on
        from {{ ref('base_contract__loans') }} as delivered
        where
            delivered._status in ('accepted', 'superseded')
            and delivered.loan_id in (
                select waiting.loan_id
                from {{ ref('base_contract__loans') }} as waiting
                inner join (
                    {{ first_accepted(ref('base_contract__borrowers'), 'borrower_id') }}
                ) as arrived on waiting.borrower_id = arrived.borrower_id
            )
    {%- else -%}
        -- Files of the adapters come whole, so a new one may change any month.
        {% for relation in base_models().values() %}
            select loans.disbursed_on as touched_on
            from loans
            where exists (
                select 1
                from {{ relation }} as delivered
                where delivered._batch not in (select built.batch_id from built)
            )
            {{ 'union all' if not loop.last }}
        {% endfor %}
    {%- endif %}
),

earliest as (
    select
        (select min(loans.disbursed_on) from loans) as first_loan_on,
        (select min(touched.touched_on) from touched) as touched_on
),

int_rebuild_window as (
    select
        cast(
            date_trunc(
                'month',
                case
                    when build_request.build_from is null
                        then least(earliest.first_loan_on, build_request.horizon)
                    else least(build_request.build_from, earliest.touched_on)
                end
            ) as date
        ) as rebuild_from,
        build_request.horizon
    from build_request
    cross join earliest
)

select * from int_rebuild_window
