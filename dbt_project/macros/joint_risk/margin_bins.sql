{#- Bins of the quantile residual v: equally wide in -ln(1 - v), 256 to the unit, so that
1 - v falls by 0.4 % from edge to edge however close v is to 1. -#}
{% macro margin_bins_per_unit() %}{{ return(256) }}{% endmacro %}

{#- The last bin, open to the right: 1 - v below exp(-20), two in a billion. -#}
{% macro last_margin_bin() %}{{ return(20 * 256) }}{% endmacro %}

{#- Bin of v, from 0. -#}
{% macro margin_bin(v) -%}
    cast(
        least(
            floor(-ln(1 - {{ v }}) * {{ margin_bins_per_unit() }}), {{ last_margin_bin() }}
        ) as integer
    )
{%- endmacro %}
