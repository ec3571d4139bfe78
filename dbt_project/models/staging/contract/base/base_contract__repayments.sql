{{
    checked_rows(
        'contract',
        'repayments',
        parents={'loan_id': ref('base_contract__loans')},
        rules=[
            {
                'rule': 'payment_without_date',
                'when': 'paid_amount > 0 and paid_on is null',
                'reason': 'paid_amount is given but paid_on is empty. Deliver the day '
                    ~ 'of the payment.',
            },
            {
                'rule': 'payment_without_amount',
                'when': 'paid_on is not null and paid_amount is null',
                'reason': 'paid_on is given but paid_amount is empty. Deliver the '
                    ~ 'amount paid.',
            },
        ],
    )
}}
