{#- SQL: the value of a tree of weighted rules for each application.

Gives application_key and value, 0 to 1: the mean over known branches, by branch_weight,
of the mean over the branch's known rules, by rule_weight. Null where nothing is known.
`rules` and `applications` are relations; the latter has a column per rule. -#}
{% macro rule_tree(rules, applications) %}
    select
        application_key,
        sum(branch_weight * value) / sum(branch_weight) as value
    from (
        select
            application_key,
            branch,
            max(branch_weight) as branch_weight,
            sum(rule_weight * value) / sum(rule_weight) as value
        from (
            select
                given.application_key,
                rules.branch,
                rules.branch_weight,
                rules.rule_weight,
                {{ normalised(
                    'given.value', 'rules.value_from', 'rules.value_to',
                    'rules.is_logarithmic'
                ) }} as value
            from (
                {% for rule in rule_features() -%}
                    select
                        application_key,
                        '{{ rule }}' as rule,
                        cast({{ rule }} as double) as value
                    from {{ applications }}
                    where {{ rule }} is not null
                    {{ 'union all' if not loop.last }}
                {% endfor %}
            ) as given
            inner join {{ rules }} as rules on given.rule = rules.rule
        ) as judged
        group by application_key, branch
    ) as branches
    group by application_key
{% endmacro %}

{#- Features of an applicant that rules may read, columns of feat_application. -#}
{% macro rule_features() %}
    {% do return([
        'personal_credit_score', 'family_credit_score', 'company_credit_score',
        'house_value', 'vehicle_value', 'company_assets',
        'employment_months', 'other_income', 'monthly_income', 'liquid_assets',
    ]) %}
{% endmacro %}

{#- A value brought to 0..1 between two bounds, evenly by differences or by ratios. -#}
{% macro normalised(value, value_from, value_to, is_logarithmic) -%}
    greatest(0e0, least(1e0, case
        when not {{ is_logarithmic }}
            then ({{ value }} - {{ value_from }}) / ({{ value_to }} - {{ value_from }})
        when {{ value }} <= {{ value_from }} then 0e0
        else ln({{ value }} / {{ value_from }}) / ln({{ value_to }} / {{ value_from }})
    end))
{%- endmacro %}
