{{ config(materialized='view') }}

{{ overdue_cases(source('overdue_asked', 'overdue_request')) }}
