"""Made-up names and addresses."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from comove.simulation.calendar import Ints
from comove.simulation.people import People
from comove.simulation.plan import Plan

GIVEN = (
    "Ada", "Amina", "Anders", "Bashir", "Beatriz", "Carmen", "Chidi", "Clara", "Daniel",
    "Dimitri", "Elena", "Emeka", "Esther", "Farid", "Fatou", "Grace", "Hana", "Hugo",
    "Ibrahim", "Ines", "Ivan", "Jamal", "Joana", "Jonas", "Karim", "Kofi", "Lars",
    "Leila", "Lucia", "Malik", "Maria", "Mateo", "Mei", "Nadia", "Ngozi", "Noah",
    "Olga", "Omar", "Paula", "Peter", "Priya", "Quentin", "Rania", "Rosa", "Samir",
    "Sofia", "Tariq", "Tessa", "Uma", "Victor", "Wanja", "Xavier", "Yara", "Zoran",
)  # fmt: skip
FAMILY = (
    "Abara", "Adeyemi", "Almeida", "Andersen", "Banerjee", "Becker", "Castillo", "Chen",
    "Costa", "Dang", "Diallo", "Dubois", "Eze", "Farouk", "Fischer", "Garcia", "Gupta",
    "Haddad", "Hansen", "Ibe", "Ivanov", "Jansen", "Kamau", "Keita", "Kim", "Kowalski",
    "Larsen", "Lopez", "Mbeki", "Mendes", "Moreau", "Mwangi", "Nakato", "Nguyen",
    "Novak", "Obi", "Okafor", "Oliveira", "Otieno", "Patel", "Petrov", "Quist", "Rahman",
    "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Svensson", "Tanaka",
    "Toure", "Ueda", "Vargas", "Weber", "Wong", "Yilmaz", "Zhang",
)  # fmt: skip
STREETS = (
    "Mill", "Station", "Church", "Market", "Garden", "River", "Hill", "Park", "Bridge",
    "Castle", "Harbour", "Orchard", "School", "Spring", "Forest", "Meadow", "Quarry",
    "Tower", "Victory", "Union", "Chapel", "Windmill", "Lake", "Valley", "Cedar",
)  # fmt: skip
FORMS = ("Ltd", "& Sons", "Trading", "Works", "Services")


def names(people: People) -> pa.Array:
    """Full names of persons, trade names of companies."""
    given = _pick(GIVEN, people.given_name)
    family = _pick(FAMILY, people.family_name)
    form = _pick(FORMS, people.given_name)
    person = pc.binary_join_element_wise(given, family, " ")
    company = pc.binary_join_element_wise(family, form, " ")
    return pc.if_else(pa.array(people.is_company), company, person)


def addresses(people: People, plan: Plan) -> pa.Array:
    """Write number, street and region; who returns writes the street differently."""
    number = pa.array(people.house_number).cast(pa.string())
    street = _pick(STREETS, people.street)
    way = pc.if_else(pa.array(people.returns_as >= 0), "St.", "Street")
    region = pa.array(plan.region_names).take(pa.array(people.region))
    line = pc.binary_join_element_wise(number, street, way, " ")
    return pc.binary_join_element_wise(line, region, ", ")


def _pick(choices: tuple[str, ...], drawn: Ints) -> pa.Array:
    return pa.array(choices).take(pa.array(np.asarray(drawn) % len(choices)))
