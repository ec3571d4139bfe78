{{ checked_rows(
    'superlender', 'previous_loans',
    hashed={'customerid': 'borrower_key', 'systemloanid': 'loan_key'},
    rules=[
        {
            'rule': 'total_below_principal',
            'when': 'totaldue < loanamount',
            'reason': 'totaldue is below loanamount, so the charge would be negative. '
                ~ 'Correct the one that is wrong.',
        },
        {
            'rule': 'repaid_before_approval',
            'when': 'firstrepaiddate < approveddate',
            'reason': 'firstrepaiddate is before approveddate. '
                ~ 'Correct the one that is wrong.',
        },
        {
            'rule': 'closed_before_repayment',
            'when': 'closeddate < firstrepaiddate',
            'reason': 'closeddate is before firstrepaiddate. '
                ~ 'Correct the one that is wrong.',
        },
    ],
) }}
