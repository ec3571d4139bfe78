{{
    checked_rows(
        'contract',
        'business_adjustments',
    )
}}
