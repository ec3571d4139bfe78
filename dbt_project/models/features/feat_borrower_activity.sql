{#- Measures of the model: how the rows of one month come together, and the value of a
movement that does not touch them. -#}
{% set no_money = 'cast(0 as decimal(18, 2))' %}
{% set measures = {
    'instalments_due': ['sum', '0'],
    'instalments_late': ['sum', '0'],
    'past_due_change': ['sum', no_money],
    'defaults': ['sum', '0'],
    'last_loan_place': ['max', '0'],
    'last_limit_place': ['max', '0'],
    'contacts': ['sum', '0'],
    'refusals': ['sum', '0'],
    'broken_promises': ['sum', '0'],
    'inflow': ['sum', no_money],
    'outflow': ['sum', no_money],
    'transactions': ['sum', '0'],
    'applications': ['sum', '0'],
    'rejections': ['sum', '0'],
} %}
{#- One kind of movement: where it comes from, its month, and what it measures. -#}
{% set movements = [
    {
        'from': 'instalments_while_open', 'on': 'due_on',
        'instalments_due': '1',
        'instalments_late': 'case when is_late then 1 else 0 end',
    },
    {
        'from': 'late_instalments', 'on': days_after('due_on', 1),
        'past_due_change': 'due_amount',
    },
    {
        'from': 'late_instalments', 'on': 'ended_on',
        'past_due_change': '-due_amount',
    },
    {'from': 'lives', 'on': 'charge_off_on', 'defaults': '1'},
    {'from': 'lives', 'on': 'fraud_on', 'defaults': '1'},
    {'from': 'loans', 'on': 'disbursed_on', 'last_loan_place': 'loan_place'},
    {'from': 'limits', 'on': 'effective_on', 'last_limit_place': 'limit_place'},
    {
        'from': 'contacts', 'on': 'contacted_at',
        'contacts': '1',
        'refusals': "case when outcome = 'refused' then 1 else 0 end",
    },
    {'from': 'broken_promises', 'on': 'promised_on', 'broken_promises': '1'},
    {
        'from': 'transactions', 'on': 'occurred_at',
        'inflow': 'greatest(amount, 0)',
        'outflow': 'greatest(-amount, 0)',
        'transactions': '1',
    },
    {'from': 'applications', 'on': 'applied_at', 'applications': '1'},
    {'from': 'applications', 'on': 'refused_at', 'rejections': '1'},
] %}
with loans as (

    select * from {{ ref('feat_loan_place') }}

),

lives as (

    select
        loans.borrower_key,
        lives.*
    from {{ ref('int_loan_life') }} as lives
    inner join loans on lives.loan_no = loans.loan_no

),

-- What falls due after a loan has ended is owed by nobody.
instalments_while_open as (

    select
        lives.borrower_key,
        instalments.due_on,
        instalments.due_amount,
        coalesce(instalments.settled_on > instalments.due_on, true) as is_late,
        least(instalments.settled_on, lives.closed_on) as ended_on
    from {{ ref('int_instalment') }} as instalments
    inner join lives on instalments.loan_no = lives.loan_no
    where instalments.due_on <= lives.closed_on or lives.closed_on is null

),

late_instalments as (

    select * from instalments_while_open
    where ended_on > due_on or ended_on is null

),

limits as (

    select * from {{ ref('feat_limit_place') }}

),

contacts as (

    select * from {{ ref('fct_collection') }}

),

broken_promises as (

    select * from {{ ref('feat_promise') }}
    where is_broken

),

transactions as (

    select * from {{ ref('fct_transaction') }}

),

applications as (

    select
        borrower_key,
        applied_at,
        {{ refused_at('decision', 'decided_at', 'applied_at') }} as refused_at
    from {{ ref('fct_application') }}

),

movements as (

    {% for movement in movements -%}
        select
            borrower_key,
            {% for measure, (_, untouched) in measures.items() -%}
                {{ movement.get(measure, untouched) }} as {{ measure }},
            {% endfor -%}
            {{ month_number(movement['on']) }} as month_no
        from {{ movement['from'] }}
        where {{ movement['on'] }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

feat_borrower_activity as (

    select
        borrower_key,
        {% for measure, (together, _) in measures.items() -%}
            {{ together }}({{ measure }}) as {{ measure }},
        {% endfor -%}
        month_no
    from movements
    group by borrower_key, month_no

)

select * from feat_borrower_activity
