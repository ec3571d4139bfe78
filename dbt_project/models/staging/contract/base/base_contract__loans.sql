{{
    checked_rows(
        'contract',
        'loans',
        parents={'borrower_id': ref('base_contract__borrowers')},
    )
}}
