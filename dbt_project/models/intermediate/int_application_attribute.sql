{#- Every column of the model with its type, and what each source publishes of them. -#}
{% set types = {
    'employees': 'integer',
    'is_new_business': 'boolean',
    'is_franchise': 'boolean',
    'location_kind': 'varchar',
    'is_revolving': 'boolean',
    'is_low_doc': 'boolean',
    'guaranteed_share': 'double',
    'jobs_created': 'integer',
    'jobs_retained': 'integer',
    'is_lender_in_state': 'boolean',
    'bank_account_type': 'varchar',
    'bank_name': 'varchar',
    'employment_status': 'varchar',
    'education': 'varchar',
    'loan_number': 'integer',
    'is_referred': 'boolean',
    'requested_term_days': 'integer',
    'product': 'varchar',
} %}
{% set published = {
    'sba_7a': [
        'employees', 'is_new_business', 'is_franchise', 'location_kind', 'is_revolving',
        'is_low_doc', 'guaranteed_share', 'jobs_created', 'jobs_retained',
        'is_lender_in_state',
    ],
    'superlender': [
        'bank_account_type', 'bank_name', 'employment_status', 'education',
        'loan_number', 'is_referred', 'requested_term_days',
    ],
    'xente': ['product'],
} %}
{% set known = published.get(var('source'), []) %}
with attributes as (

    {% if known -%}
        select * from {{ ref('stg_' ~ var('source') ~ '__application_attributes') }}
    {%- else -%}
        -- The source contract has no place for them.
        select cast(null as varchar) as application_key
        where false
    {%- endif %}

),

int_application_attribute as (

    select
        {% for name, type in types.items() -%}
            cast({{ name if name in known else 'null' }} as {{ type }}) as {{ name }},
        {% endfor -%}
        application_key
    from attributes

)

select * from int_application_attribute
