-- Months whose shares of the joint mass are not those of a whole.
select
    month,
    attribute,
    sum(joint_share) as joint_shares,
    sum(pd_share) as pd_shares
from {{ ref('concentration') }}
group by month, attribute
having abs(sum(joint_share) - 1) > 1e-9 or abs(sum(pd_share) - 1) > 1e-9
