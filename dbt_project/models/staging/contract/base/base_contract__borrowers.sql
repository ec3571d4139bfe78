{{
    checked_rows(
        'contract',
        'borrowers',
    )
}}
