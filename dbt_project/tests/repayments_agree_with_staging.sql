-- Instalments and their payments in the mart are those of staging, to the cent.
with staged as (

    select
        count(distinct {{ row_hash(['loan_key', 'instalment_no']) }}) as instalments,
        coalesce(sum(paid_amount), 0) as paid_amount
    from {{ staged('repayments') }}

),

built as (

    select
        count(*) as instalments,
        coalesce(sum(paid_amount), 0) as paid_amount
    from {{ ref('fct_repayment') }}

)

select
    staged.instalments as instalments_staged,
    built.instalments as instalments_built,
    staged.paid_amount as paid_amount_staged,
    built.paid_amount as paid_amount_built
from staged
cross join built
where
    staged.instalments <> built.instalments
    or staged.paid_amount <> built.paid_amount
