with indices as (
    select * from {{ source('risk', 'joint_risk_index') }}
),

masses as (
    {% for attribute, value in joint_risk_attributes().items() %}
        select
            month,
            '{{ attribute }}' as attribute,
            {{ value }} as group_name,
            max(as_of_month) as as_of_month,
            max(model_version) as model_version,
            count(*) as n,
            sum(exposure) as exposure,
            sum(pd) as pd_mass,
            sum(joint_probability) as joint_mass,
            sum(exposure * joint_probability) as joint_exposure,
            count(joint_risk_index_previous) as n_previous,
            sum(joint_probability - joint_risk_index_previous * pd) as mass_of_change
        from indices
        group by month, {{ value }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

shared as (
    select
        *,
        {{ month_number('month') }} as month_no,
        pd_mass / nullif(
            sum(pd_mass) over (partition by month, attribute), 0
        ) as pd_share,
        joint_mass / nullif(
            sum(joint_mass) over (partition by month, attribute), 0
        ) as joint_share,
        joint_exposure / nullif(
            sum(joint_exposure) over (partition by month, attribute), 0
        ) as joint_exposure_share
    from masses
),

concentration as (
    select
        shared.month,
        shared.as_of_month,
        shared.attribute,
        shared.group_name,
        shared.n,
        shared.exposure,
        shared.pd_mass,
        shared.joint_mass,
        shared.joint_exposure,
        shared.pd_share,
        shared.joint_share,
        shared.joint_exposure_share,
        shared.joint_mass - shared.pd_mass as excess_mass,
        shared.joint_mass / nullif(shared.pd_mass, 0) as excess_ratio,
        shared.n_previous,
        shared.mass_of_change,
        earlier.joint_share as joint_share_before,
        shared.joint_share - earlier.joint_share as joint_share_change,
        shared.model_version
    from shared
    left join shared as earlier
        on
            shared.attribute = earlier.attribute
            and shared.group_name = earlier.group_name
            and shared.month_no = earlier.month_no + 1
)

select * from concentration
