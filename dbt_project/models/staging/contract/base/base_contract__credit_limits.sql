{{
    checked_rows(
        'contract',
        'credit_limits',
        parents={'borrower_id': ref('base_contract__borrowers')},
    )
}}
