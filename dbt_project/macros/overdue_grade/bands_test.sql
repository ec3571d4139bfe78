{#- Bands that do not follow each other from 0 without end: the first must begin at 0, each
must end where the next begins, and only the last may have no end. -#}
{% test bands_without_gap_or_overlap(model, band_from, band_to) %}
    with ordered as (
        select
            {{ band_from }} as band_from,
            {{ band_to }} as band_to,
            lag({{ band_to }}) over (order by {{ band_from }}) as ended_before,
            lead({{ band_from }}) over (order by {{ band_from }}) as next_from,
            row_number() over (order by {{ band_from }}) as place
        from {{ model }}
    ),

    expected as (select 1 as place)

    select
        expected.place as expected_place,
        ordered.band_from,
        ordered.band_to
    from expected
    full outer join ordered on expected.place = ordered.place
    where
        -- No band at all, or the first does not begin at nothing.
        (expected.place = 1 and coalesce(ordered.band_from, -1) <> 0)
        or (ordered.place > 1 and coalesce(ordered.ended_before, -1) <> ordered.band_from)
        or (ordered.next_from is null and ordered.band_to is not null)
{% endtest %}
