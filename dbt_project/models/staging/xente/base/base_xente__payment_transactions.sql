{{ checked_rows(
    'xente', 'payment_transactions',
    hashed={'TransactionId': 'transaction_key', 'CustomerId': 'borrower_key'},
) }}
