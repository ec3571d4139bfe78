{{
    checked_rows(
        'contract',
        'collections',
        parents={'borrower_id': ref('base_contract__borrowers')},
    )
}}
