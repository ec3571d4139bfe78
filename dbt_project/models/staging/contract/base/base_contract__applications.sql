{{
    checked_rows(
        'contract',
        'applications',
        parents={'borrower_id': ref('base_contract__borrowers')},
        rules=[
            {
                'rule': 'decided_before_applied',
                'when': 'decided_at < applied_at',
                'reason': 'decided_at is before applied_at. Correct the times and '
                    ~ 'deliver the row again.',
            },
            {
                'rule': 'disbursed_though_rejected',
                'when': "disbursed_at is not null and 'rejected' in (decision, drawdown_decision)",
                'reason': 'Money left although the application or draw-down was '
                    ~ 'rejected. Correct the decision or disbursed_at and deliver '
                    ~ 'the row again.',
            },
        ],
    )
}}
