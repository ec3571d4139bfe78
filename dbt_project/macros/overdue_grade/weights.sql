{#- The weight of the historical extreme at a point, from the one before (design 4.11):

    w_k = clip(w_(k-1) * (1 + eta * (H_k - H_(k-1)) / max(H_k, H_(k-1), 1)), w_min, w_max)

Extremes are in days, eta is the adjustment coefficient, 0 to 1. At a borrower's first
point there is no extreme before, and the weight stays what it starts with. -#}
{% macro next_weight(weight, extreme, extreme_before, request) -%}
    case
        when {{ extreme_before }} is null then {{ weight }}
        else greatest(
            {{ request }}.min_weight,
            least(
                {{ request }}.max_weight,
                {{ weight }} * (
                    1e0 + {{ request }}.adjustment
                    * ({{ extreme }} - {{ extreme_before }})
                    / greatest({{ extreme }}, {{ extreme_before }}, 1)
                )
            )
        )
    end
{%- endmacro %}

{#- Days past due that are graded: both extremes, each by its weight. Its last digits are
left out, so that 60 and 60 weigh 60 and fall into the band that begins there. -#}
{% macro overdue_composite(weight, historical_extreme, current_extreme) -%}
    round(
        {{ weight }} * {{ historical_extreme }} + (1e0 - {{ weight }}) * {{ current_extreme }},
        9
    )
{%- endmacro %}

{#- Where a day stands in time, so that the trailing window up to it is `range between 1
preceding and current row`. A frame takes no column for its length, and the window is a
setting: so the days are divided by it instead. Half a day less than the window keeps the
day that has just left it out, whatever the division rounds to. -#}
{% macro trailing_place(day, window_days) -%}
    {{ days_between("date '2000-01-01'", day) }} / ({{ window_days }} - 5e-1)
{%- endmacro %}

{#- A number for a fact of a borrower: sums of them tell two sets of facts apart, whatever
their order. Below 2^32, so that a sum of millions fits. -#}
{% macro fact_number(columns) -%}
    cast({{ row_hash(columns) }} % 4294967291 as bigint)
{%- endmacro %}
