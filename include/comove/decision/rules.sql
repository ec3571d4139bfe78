-- The decision, step by step; each step is a table, so that a trail can be read off. What
-- is decided stands in the temporary table `asked` (application_key, as_of, known_until),
-- what is known of it in `given` (columns of risk.decision_input), rules in `control`
-- (columns of risk.lending_control, and from when to when each was known), strategies in
-- `strategy_row`, and the bands of the score in force in `band_row`.

create or replace temp table step_admission as
select
    asked.known_until,
    given.*,
    case
        when given.contradiction is not null then 'contradiction'
        when given.admission_probability is null then 'no model'
        when given.admission_probability < $min_probability then 'admission'
    end as refused_first,
    coalesce(
        abs(given.admission_probability - $min_probability) <= $uncertain_margin, false
    ) as is_uncertain
from asked
inner join given
    on asked.application_key = given.application_key and asked.as_of = given.as_of;

-- What is still open counts towards what an income can carry.
create or replace temp table step_limit as
with earning as (
    select
        *,
        coalesce(monthly_income, nullif(monthly_inflow, 0)) as income
    from step_admission
),

ceilings as (
    select
        *,
        $income_months * income - open_principal as left_of_income,
        $max_growth * largest_repaid as ceiling_growth
    from earning
),

-- `greatest` and `least` pass over what is not known.
held as (
    select
        *,
        if(left_of_income is null, null, greatest(left_of_income, 0)) as ceiling_income
    from ceilings
),

bounded as (
    select
        *,
        least(ceiling_income, ceiling_growth) as limit_ceiling,
        case
            when coalesce(limit_estimate, ceiling_income, ceiling_growth) is null then 0
            else coalesce(
                least(requested_amount, limit_estimate, ceiling_income, ceiling_growth), 0
            )
        end as bound
    from held
)

select
    * exclude (bound),
    -- What was asked for is granted as asked for: only what is less is rounded.
    if(
        coalesce(bound >= requested_amount, false), requested_amount,
        $step_amount * floor(bound / $step_amount + 1e-9)
    ) as limit_before_band,
    case
        when coalesce(limit_estimate, ceiling_income, ceiling_growth) is null
            then 'nothing'
        when bound >= requested_amount then null
        when bound = ceiling_income then 'income'
        when bound = ceiling_growth then 'growth'
        else 'estimate'
    end as held_by
from bounded;

-- What a person approved for the band the score lies in; without one all stays as it is.
-- A limit of who is refused is what it would be, should a person turn that round.
create or replace temp table step_band as
select
    cases.*,
    band_row.score_band_version,
    band_row.score_band,
    band_row.score_band_action,
    band_row.score_band_factor,
    coalesce(band_row.score_band_action = 'review', false) as band_needs_review,
    if(
        coalesce(
            band_row.score_band_action <> 'refuse' and band_row.score_band_factor < 1,
            false
        ),
        $step_amount * floor(
            cases.limit_before_band * band_row.score_band_factor / $step_amount + 1e-9
        ),
        cases.limit_before_band
    ) as limit_before_control
from step_limit as cases
left join band_row
    on
        cases.score >= coalesce(band_row.score_from, '-infinity'::double)
        and cases.score < coalesce(band_row.score_to, 'infinity'::double);

-- The strictest rule of those in force on the day and known by then.
create or replace temp table step_control as
with matching as (
    select
        cases.application_key,
        cases.as_of,
        control.control_id,
        control.event_id,
        control.strategy as control_strategy,
        control.limit_factor,
        control.region as control_region,
        control.industry as control_industry,
        row_number() over (
            partition by cases.application_key, cases.as_of
            order by
                control.strategy <> 'reject',
                control.limit_factor,
                control.control_id
        ) as place
    from step_band as cases
    inner join control
        on
            cases.as_of between control.valid_from and control.valid_to
            and cases.known_until >= control.known_from
            and coalesce(cases.known_until < control.known_to, true)
            and coalesce(control.region = cases.region, control.region is null)
            and coalesce(control.industry = cases.industry, control.industry is null)
)

select
    cases.*,
    matching.* exclude (application_key, as_of, place),
    case
        when matching.control_strategy = 'reject' then 0
        when matching.control_id is null then cases.limit_before_control
        else $step_amount * floor(
            cases.limit_before_control * coalesce(matching.limit_factor, 1)
            / $step_amount + 1e-9
        )
    end as limit_if_admitted
from step_band as cases
left join matching
    on
        cases.application_key = matching.application_key
        and cases.as_of = matching.as_of
        and matching.place = 1;

create or replace temp table step_strategy as
with judged as (
    select
        *,
        coalesce(
            refused_first,
            case
                when score_band_action = 'refuse' then 'score band'
                when limit_before_control <= 0 then 'limit'
                when limit_if_admitted <= 0 then 'lending control'
            end
        ) as refused_at,
        -- It holds for who is refused by another step too: a person who turns that
        -- round is bound by it.
        control_id is not null as is_controlled
    from step_control
),

amounts as (
    select
        *,
        if(refused_at is null, limit_if_admitted, 0) as credit_limit
    from judged
),

qualified as (
    select
        amounts.*,
        grades.qualification
    from amounts
    left join (
        select distinct qualification, score_from, score_to from strategy_row
    ) as grades
        on
            amounts.score >= coalesce(grades.score_from, '-infinity'::double)
            and amounts.score < coalesce(grades.score_to, 'infinity'::double)
)

select
    qualified.*,
    strategy_row.limit_band,
    strategy_row.strategy,
    strategy_row.first_draw_share,
    coalesce(strategy_row.needs_review, false) as strategy_needs_review
from qualified
left join strategy_row
    on
        qualified.credit_limit > 0
        and qualified.qualification = strategy_row.qualification
        and qualified.credit_limit / $unit_amount
        >= coalesce(strategy_row.limit_from, '-infinity'::double)
        and qualified.credit_limit / $unit_amount
        < coalesce(strategy_row.limit_to, 'infinity'::double);

create or replace temp table decided as
with named as (
    select
        *,
        ' (band ' || score_band || ', version ' || score_band_version || ')' as of_band
    from step_strategy
),

worded as (
    select
        *,
        list_filter(
            [
                'the application cannot be decided: ' || contradiction,
                if(
                    refused_at = 'no model',
                    'no model had learned from enough outcomes by then: a person decides',
                    null
                ),
                if(
                    refused_at = 'admission',
                    'the probability of repaying is below what the lender requires',
                    null
                )
            ],
            lambda words: words is not null
        )
        || case
            when refused_at = 'admission'
                then from_json(admission_reasons, '["varchar"]')
            else []
        end
        || list_filter(
            [
                case
                    when refused_first is not null then null
                    when held_by = 'nothing'
                        then 'no limit can be given: neither an income nor a repaid loan '
                            || 'nor a model says how much'
                    when limit_before_band <= 0 and held_by = 'income' and income <= 0
                        then 'no limit is left: there is no income to carry one'
                    when limit_before_band <= 0 and held_by = 'income'
                        then 'no limit is left: what is still open takes up what the '
                            || 'income can carry'
                    when limit_before_control <= 0
                        then 'no limit is left: what could be granted is below the '
                            || 'smallest limit'
                    when held_by = 'income'
                        then 'the limit is held to the months of income the lender '
                            || 'allows, less what is still open'
                    when held_by = 'growth'
                        then 'the limit is held to a multiple of the largest loan repaid '
                            || 'so far'
                    when held_by = 'estimate'
                        then 'the limit is held to what comparable borrowers repaid, '
                            || 'taken prudently'
                end,
                case
                    when refused_first is not null then null
                    when score_band_action = 'refuse'
                        then 'the score is below what the strategy of the score requires'
                            || of_band
                    when score_band_factor < 1 and limit_before_band > 0
                        then 'the limit is reduced to '
                            || format('{:g}', round(100 * score_band_factor, 2))
                            || ' % by the strategy of the score' || of_band
                end,
                if(
                    is_controlled,
                    'lending control after the default event ' || event_id || ': '
                    || 'applications of '
                    || if(control_region is null, 'all regions', 'this region')
                    || ' and '
                    || if(control_industry is null, 'all industries', 'this industry')
                    || if(
                        control_strategy = 'reject',
                        ' are refused for now',
                        ' get a reduced limit for now'
                    ),
                    null
                ),
                if(
                    identity_status = 'review',
                    'the applicant may be known under another id: a person decides',
                    null
                ),
                if(
                    is_uncertain and refused_first is null,
                    'the probability of repaying is close to what the lender requires: '
                    || 'a person looks at it',
                    null
                ),
                if(
                    band_needs_review and refused_first is null,
                    'the strategy of the score asks for a person''s look' || of_band,
                    null
                ),
                if(
                    strategy_needs_review,
                    'the strategy asks for a person''s look before money leaves',
                    null
                )
            ],
            lambda words: words is not null
        ) as reasons
    from named
)

select
    application_key,
    borrower_key,
    cohort_month,
    as_of as decided_as_of,
    known_until,
    is_existing_borrower,
    identity_status,
    kind,
    region,
    industry,
    age_band,
    requested_amount,
    if(refused_first is null, 'admit', 'refuse') as admission,
    admission_probability,
    admission_source,
    score,
    qualification,
    limit_estimate,
    limit_ceiling,
    score_band_version,
    score_band,
    score_band_factor,
    limit_before_control,
    limit_if_admitted,
    credit_limit,
    limit_band,
    strategy,
    first_draw_share,
    if(is_controlled, control_strategy, null) as control_applied,
    if(is_controlled, control_id, null) as control_id,
    if(is_controlled, event_id, null) as event_id,
    if(is_controlled, limit_factor, null) as limit_factor,
    if(refused_at is null, 'admit', 'refuse') as proposed_decision,
    refused_at,
    to_json(reasons)::varchar as reason_codes,
    refused_at is not null or is_uncertain or identity_status = 'review'
    or band_needs_review or strategy_needs_review as needs_review,
    model_version,
    limit_version
from worded
order by application_key, as_of;
