with

loans as (
    select * from {{ ref('stg_superlender__delivered_loans') }}
),

previous_loans as (
    select * from {{ ref('base_superlender__previous_loans') }}
),

current_loans as (
    select * from {{ ref('base_superlender__current_loans') }}
),

demographics as (
    select * from {{ ref('base_superlender__demographics') }}
),

loan_numbers as (
    select
        loan_key,
        loannumber
    from previous_loans
    where _status = 'accepted'
    union all
    select
        loan_key,
        loannumber
    from current_loans
    where _status = 'accepted'
),

described as (
    select * from demographics
    where _status = 'accepted'
),

stg_superlender__application_attributes as (
    select
        loans.loan_key as application_key,
        described.bank_account_type,
        described.bank_name_clients as bank_name,
        described.employment_status_clients as employment_status,
        described.level_of_education_clients as education,
        loan_numbers.loannumber as loan_number,
        loans.channel = 'referred' as is_referred,
        loans.term_days as requested_term_days
    from loans
    inner join loan_numbers
        on loans.loan_key = loan_numbers.loan_key
    left join described
        on loans.borrower_key = described.borrower_key
)

select * from stg_superlender__application_attributes
