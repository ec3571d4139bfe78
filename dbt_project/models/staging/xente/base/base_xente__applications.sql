{#- A rejected request has no loan and no payback: its purchase and time name it, since a
purchase that was tried again keeps its TransactionId. -#}
{% set request -%}
    trim(TransactionId) || ' ' || trim(TransactionStartTime)
{%- endset %}

{{ checked_rows(
    'xente', 'applications',
    parse={
        'LoanId': "coalesce(" ~ parse_text('LoanId', ['NA']) ~ ", " ~ request ~ ")",
        'PayBackId': "coalesce(" ~ parse_text('PayBackId', ['NA']) ~ ", 'none')",
    },
    add={
        'application_id': "coalesce(LoanApplicationId, LoanId)",
    },
    hashed={
        'CustomerId': 'borrower_key',
        'LoanId': 'loan_key',
        'application_id': 'application_key',
    },
    rules=[
        {
            'rule': 'accepted_without_loan',
            'when': "TransactionStatus = '1' and IssuedDateLoan is null",
            'reason': 'TransactionStatus says accepted, yet IssuedDateLoan is empty. '
                ~ 'Deliver when the loan was issued.',
        },
        {
            'rule': 'rejected_with_loan',
            'when': "TransactionStatus = '0' and IssuedDateLoan is not null",
            'reason': 'TransactionStatus says rejected, yet IssuedDateLoan holds a time. '
                ~ 'Correct the one that is wrong.',
        },
        {
            'rule': 'paid_before_issue',
            'when': 'PaidOnDate < IssuedDateLoan',
            'reason': 'PaidOnDate is before IssuedDateLoan. '
                ~ 'Correct the one that is wrong.',
        },
    ],
) }}
