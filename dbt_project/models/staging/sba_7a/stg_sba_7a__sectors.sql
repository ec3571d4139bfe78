with

stg_sba_7a__sectors as (
    select
        sectors.naics_sector,
        sectors.naics_sector || ' ' || sectors.name as industry
    from (
        values
        ('11', 'Agriculture, forestry, fishing'),
        ('21', 'Mining, oil, gas'),
        ('22', 'Utilities'),
        ('23', 'Construction'),
        ('31', 'Manufacturing'),
        ('32', 'Manufacturing'),
        ('33', 'Manufacturing'),
        ('42', 'Wholesale trade'),
        ('44', 'Retail trade'),
        ('45', 'Retail trade'),
        ('48', 'Transportation'),
        ('49', 'Warehousing'),
        ('51', 'Information'),
        ('52', 'Finance, insurance'),
        ('53', 'Real estate, rental'),
        ('54', 'Professional services'),
        ('55', 'Management of companies'),
        ('56', 'Administrative, waste services'),
        ('61', 'Education'),
        ('62', 'Health care, social assistance'),
        ('71', 'Arts, entertainment'),
        ('72', 'Accommodation, food'),
        ('81', 'Other services'),
        ('92', 'Public administration')
    ) as sectors (naics_sector, name)
)

select * from stg_sba_7a__sectors
