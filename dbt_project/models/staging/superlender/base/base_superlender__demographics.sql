{{ checked_rows(
    'superlender', 'demographics',
    hashed={'customerid': 'borrower_key'},
) }}
