{#- Groups with fewer applications are no measure for others. -#}
{%- set least_of_the_best = 30 -%}
{#- Of fewer borrowers a mean is not normally distributed. -#}
{%- set least_for_a_mean = 30 -%}
with decisions as (

    select
        *,
        coalesce(final_decision, proposed_decision) = 'admit' as is_admitted
    from {{ source('decision', 'credit_decision') }}
    -- Where no model knew enough nobody was judged.
    where coalesce(refused_at, 'none') <> 'no model'

),

described as (

    {% for attribute in ['region', 'age_band', 'kind'] %}
        select
            '{{ attribute }}' as attribute,
            coalesce({{ attribute }}, 'not known') as group_name,
            borrower_key,
            cohort_month,
            is_admitted,
            credit_limit,
            requested_amount
        from decisions
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- Applications of one borrower are decided alike: they are counted together.
of_borrower as (

    select
        attribute,
        group_name,
        borrower_key,
        cohort_month,
        1e0 * count(*) as n,
        1e0 * count(case when is_admitted then 1 end) as a,
        1e0 * sum(case when is_admitted then credit_limit else 0 end) as lent,
        1e0 * sum(
            case
                when is_admitted
                    then coalesce({{ ratio('credit_limit', 'requested_amount') }}, 0)
                else 0
            end
        ) as part_granted
    from described
    group by attribute, group_name, borrower_key, cohort_month

),

up_to_month as (

    select
        *,
        {% for name in ['n', 'a', 'lent'] %}
            sum({{ name }}) over (
                partition by attribute, group_name, borrower_key
                order by cohort_month
                rows between unbounded preceding and current row
            ) as {{ name }}_so_far
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from of_borrower

),

-- What a month adds to counts, and to sums of products over the borrowers.
added as (

    select
        attribute,
        group_name,
        cohort_month,
        sum(n) as applications,
        sum(a) as admitted,
        sum(lent) as lent,
        sum(part_granted) as part_granted,
        1e0 * count(case when n_so_far = n then 1 end) as borrowers,
        1e0 * count(case when a > 0 and a_so_far = a then 1 end) as borrowers_admitted,
        {% for one, other in [
            ('n', 'n'), ('a', 'n'), ('a', 'a'), ('lent', 'a'), ('lent', 'lent')
        ] %}
            sum(
                {{ one }}_so_far * {{ other }}_so_far
                - ({{ one }}_so_far - {{ one }}) * ({{ other }}_so_far - {{ other }})
            ) as {{ one }}_{{ other }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from up_to_month
    group by attribute, group_name, cohort_month

),

months as (

    select distinct cohort_month as as_of_month from decisions

),

begun as (

    select
        attribute,
        group_name,
        min(cohort_month) as first_month
    from added
    group by attribute, group_name

),

counted as (

    select
        months.as_of_month,
        begun.attribute,
        begun.group_name,
        {% for name in [
            'applications', 'admitted', 'lent', 'part_granted', 'borrowers',
            'borrowers_admitted', 'n_n', 'a_n', 'a_a', 'lent_a', 'lent_lent'
        ] %}
            sum(coalesce(added.{{ name }}, 0)) over (
                partition by begun.attribute, begun.group_name
                order by months.as_of_month
                rows between unbounded preceding and current row
            ) as {{ name }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from begun
    inner join months on begun.first_month <= months.as_of_month
    left join added
        on
            begun.attribute = added.attribute
            and begun.group_name = added.group_name
            and months.as_of_month = added.cohort_month

),

shared as (

    select
        *,
        {{ ratio('admitted', 'applications') }} as approval_rate,
        {{ ratio('lent', 'admitted') }} as mean_limit,
        {{ ratio('part_granted', 'admitted') }} as mean_share_granted
    from counted

),

-- Variances of ratios of totals over borrowers: Cochran, Sampling Techniques (1977), 6.3.
spread as (

    select
        *,
        borrowers / nullif(borrowers - 1, 0) * greatest(
            a_a - 2 * approval_rate * a_n + approval_rate * approval_rate * n_n, 0
        ) / (applications * applications) as approval_variance,
        borrowers_admitted / nullif(borrowers_admitted - 1, 0) * greatest(
            lent_lent - 2 * mean_limit * lent_a + mean_limit * mean_limit * a_a, 0
        ) / nullif(admitted * admitted, 0) as limit_variance
    from shared

),

-- As many independent applications as tell the same: fewer where borrowers apply again.
-- Where all are admitted, or none, each borrower counts once.
weighed as (

    select
        *,
        case
            when admitted = 0 or admitted = applications or borrowers = 1 then borrowers
            else least(
                applications,
                approval_rate * (1 - approval_rate) / nullif(approval_variance, 0)
            )
        end as effective
    from spread

),

rated as (

    select
        *,
        {{ wilson('(approval_rate * effective)', 'effective', '-') }} as approval_low,
        {{ wilson('(approval_rate * effective)', 'effective', '+') }} as approval_high,
        row_number() over (
            partition by attribute, as_of_month
            order by
                case when applications >= {{ least_of_the_best }} then 0 else 1 end,
                approval_rate desc,
                applications desc,
                group_name
        ) as place
    from weighed

),

best as (

    select
        as_of_month,
        attribute,
        group_name,
        approval_rate,
        approval_low,
        approval_high
    from rated
    where place = 1 and applications >= {{ least_of_the_best }}

),

decision_fairness as (

    select
        rated.as_of_month,
        rated.attribute,
        rated.group_name,
        cast(rated.applications as bigint) as applications,
        cast(rated.borrowers as bigint) as borrowers,
        cast(rated.admitted as bigint) as admitted,
        rated.approval_rate,
        rated.approval_low,
        rated.approval_high,
        best.group_name as best_group,
        {{ ratio('rated.approval_rate', 'best.approval_rate') }} as approval_ratio,
        rated.approval_rate - best.approval_rate as approval_difference,
        -- Newcombe (1998), method 10; the best with itself has no interval.
        case
            when best.group_name <> rated.group_name
                then rated.approval_rate - best.approval_rate - sqrt(
                    power(rated.approval_rate - rated.approval_low, 2)
                    + power(best.approval_high - best.approval_rate, 2)
                )
        end as difference_low,
        case
            when best.group_name <> rated.group_name
                then rated.approval_rate - best.approval_rate + sqrt(
                    power(rated.approval_high - rated.approval_rate, 2)
                    + power(best.approval_rate - best.approval_low, 2)
                )
        end as difference_high,
        -- The same for the rate less four fifths of the best: Zou and Donner (2008).
        case
            when best.group_name <> rated.group_name
                then rated.approval_rate - 0.8 * best.approval_rate + sqrt(
                    power(rated.approval_high - rated.approval_rate, 2)
                    + 0.64 * power(best.approval_rate - best.approval_low, 2)
                )
        end as four_fifths_high,
        rated.mean_limit,
        {% for name, sign in [('limit_low', '-'), ('limit_high', '+')] %}
            case
                when rated.borrowers_admitted >= {{ least_for_a_mean }}
                    then
                        rated.mean_limit {{ sign }} 1.959963984540054
                        * sqrt(rated.limit_variance)
            end as {{ name }},
        {% endfor %}
        rated.mean_share_granted
    from rated
    left join best
        on rated.as_of_month = best.as_of_month and rated.attribute = best.attribute

)

select * from decision_fairness
