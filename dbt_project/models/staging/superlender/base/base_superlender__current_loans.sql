{{ checked_rows(
    'superlender', 'current_loans',
    hashed={'customerid': 'borrower_key', 'systemloanid': 'loan_key'},
    rules=[
        {
            'rule': 'total_below_principal',
            'when': 'totaldue < loanamount',
            'reason': 'totaldue is below loanamount, so the charge would be negative. '
                ~ 'Correct the one that is wrong.',
        },
    ],
) }}
