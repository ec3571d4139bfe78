with decisions as (

    select
        *,
        coalesce(final_decision, proposed_decision) as decision
    from {{ source('decision', 'credit_decision') }}
    -- Where no model knew enough nobody was judged.
    where coalesce(refused_at, 'none') <> 'no model'

),

described as (

    {% for attribute in ['region', 'age_band', 'kind'] %}
        select
            '{{ attribute }}' as attribute,
            coalesce({{ attribute }}, 'not known') as group_name,
            decision,
            credit_limit,
            requested_amount
        from decisions
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

counted as (

    select
        attribute,
        group_name,
        count(*) as applications,
        count(case when decision = 'admit' then 1 end) as admitted,
        avg(case when decision = 'admit' then credit_limit end) as mean_limit,
        stddev_samp(case when decision = 'admit' then credit_limit end) as limit_sd,
        avg(
            case
                when decision = 'admit'
                    then {{ ratio('credit_limit', 'requested_amount') }}
            end
        ) as mean_share_granted
    from described
    group by attribute, group_name

),

rated as (

    select
        *,
        {{ ratio('admitted', 'applications') }} as approval_rate,
        {{ wilson('admitted', 'applications', '-') }} as approval_low,
        {{ wilson('admitted', 'applications', '+') }} as approval_high
    from counted

),

decision_fairness as (

    select
        attribute,
        group_name,
        applications,
        admitted,
        approval_rate,
        approval_low,
        approval_high,
        -- Against the group admitted most often; below four fifths is a warning sign.
        {{ ratio('approval_rate', 'max(approval_rate) over (partition by attribute)') }}
            as approval_ratio,
        mean_limit,
        mean_limit - 1.959963984540054 * limit_sd / sqrt(admitted) as limit_low,
        mean_limit + 1.959963984540054 * limit_sd / sqrt(admitted) as limit_high,
        mean_share_granted
    from rated

)

select * from decision_fairness
