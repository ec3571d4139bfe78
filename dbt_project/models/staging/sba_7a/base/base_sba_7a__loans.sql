{#- The file gives two-digit years; a loan lives after its approval, so a year at or after
that of the approval (one year of grace) is of the same century. -#}
{% set approval_year = parse_integer("left(trim(ApprovalFY), 4)") %}
{% set pivot %}
    case when {{ approval_year }} < 2000 then {{ approval_year }} - 1901 else 100 end
{% endset %}
{% set dates = {} %}
{% for column in ('ApprovalDate', 'DisbursementDate', 'ChgOffDate') %}
    {% do dates.update({column: parse_date(column, 'mdy', '(' ~ pivot | trim ~ ')')}) %}
{% endfor %}
{% do dates.update({'ApprovalFY': approval_year}) %}

{{ checked_rows(
    'sba_7a', 'loans',
    parse=dates,
    add={
        'is_revolving': "case RevLineCr when 'Y' then true when 'N' then false end",
        'is_low_doc': "case LowDoc when 'Y' then true when 'N' then false end",
    },
    hashed={'LoanNr_ChkDgt': 'loan_key'},
    rules=[
        {
            'rule': 'missing_status',
            'when': 'MIS_Status is null',
            'reason': 'MIS_Status is empty, so how the loan ended is unknown. '
                ~ 'Deliver the row with P I F or CHGOFF.',
        },
        {
            'rule': 'paid_in_full_with_charge_off_date',
            'when': "MIS_Status = 'P I F' and ChgOffDate is not null",
            'reason': 'MIS_Status says paid in full, yet ChgOffDate holds a date. '
                ~ 'Correct the one that is wrong.',
        },
        {
            'rule': 'charged_off_without_date',
            'when': "MIS_Status = 'CHGOFF' and ChgOffDate is null",
            'reason': 'MIS_Status says charged off, yet ChgOffDate is empty. '
                ~ 'Deliver the day of the charge-off.',
        },
        {
            'rule': 'settled_without_disbursement',
            'when': 'DisbursementDate is null or coalesce(DisbursementGross, 0) = 0',
            'reason': 'MIS_Status says how the loan ended, yet DisbursementDate is empty '
                ~ 'or DisbursementGross is 0. Deliver day and amount.',
        },
        {
            'rule': 'charge_off_before_disbursement',
            'when': 'ChgOffDate < DisbursementDate',
            'reason': 'ChgOffDate is before DisbursementDate. '
                ~ 'Correct the one that is wrong.',
        },
    ],
) }}
