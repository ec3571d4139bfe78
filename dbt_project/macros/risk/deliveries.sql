{#- SQL: every readable delivery of an entity, superseded ones included, with its file and
row. Sources other than the contract deliver nothing twice. -#}
{% macro deliveries(entity) -%}
    {%- if var('source') == 'contract' and entity not in var('absent') -%}
        select *
        from {{ ref('base_contract__' ~ entity) }}
        where _status in ('accepted', 'superseded')
    {%- else -%}
        select
            *,
            cast(null as varchar) as _file,
            cast(null as bigint) as _row
        from {{ staged(entity) }}
    {%- endif -%}
{%- endmacro %}

{#- Place of a delivery among those of its key that landed with it; the last, which
counts, is 1. -#}
{% macro place_in_landing(key) -%}
    row_number() over (
        partition by {{ key }}, _landed_at
        order by _file desc, _row desc
    )
{%- endmacro %}

{#- Day a delivery landed; known from the day after on. Of what was before the first
delivery nobody knows better: it stands for all time before. -#}
{% macro landed_on(key) -%}
    case
        when
            row_number() over (
                partition by {{ key }}
                order by _landed_at
            ) = 1
            then cast('0001-01-01' as date)
        else cast(_landed_at as date)
    end
{%- endmacro %}

{#- Day of the next delivery, the last a delivery is known on. -#}
{% macro superseded_on(key) -%}
    coalesce(
        lead(cast(_landed_at as date)) over (
            partition by {{ key }}
            order by _landed_at
        ),
        cast('9999-12-31' as date)
    )
{%- endmacro %}

{#- Whether a delivery is the last that had landed before a day. -#}
{% macro is_known_on(delivery, day) -%}
    ({{ day }} > {{ delivery }}.landed_on and {{ day }} <= {{ delivery }}.superseded_on)
{%- endmacro %}
