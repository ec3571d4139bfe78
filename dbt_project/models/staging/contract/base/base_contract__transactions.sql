{{
    checked_rows(
        'contract',
        'transactions',
        parents={'borrower_id': ref('base_contract__borrowers')},
    )
}}
