{{ config(materialized='view') }}

{{ overdue_decision(ref('feat_overdue_case')) }}
