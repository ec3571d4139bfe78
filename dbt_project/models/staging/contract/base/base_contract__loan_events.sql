{{
    checked_rows(
        'contract',
        'loan_events',
        parents={'loan_id': ref('base_contract__loans')},
    )
}}
