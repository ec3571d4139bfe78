{#- Names of the tables each source delivers, in the order of its source file.

dbt needs them while it parses, when the source files cannot be read yet; a test holds
them equal to the source files. -#}
{% macro delivered_tables(source_name=none) %}
    {% set tables = {
        'contract': [
            'borrowers', 'applications', 'loans', 'repayments', 'loan_events',
            'collections', 'transactions', 'credit_limits', 'business_adjustments',
        ],
        'sba_7a': ['loans'],
        'superlender': ['demographics', 'previous_loans', 'current_loans'],
        'xente': ['applications', 'payment_transactions'],
    } %}
    {% do return(tables[source_name or var('source')]) %}
{% endmacro %}

{#- The base models of the active source, by the name of the delivered table. -#}
{% macro base_models() %}
    {% set models = {} %}
    {% for table in delivered_tables() %}
        {% do models.update({
            table: ref('base_' ~ var('source') ~ '__' ~ table)
        }) %}
    {% endfor %}
    {% do return(models) %}
{% endmacro %}
