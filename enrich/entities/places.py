"""Places of one name -> the one in a country that the article speaks of."""

from enrich.entities.packs import WEAK
from enrich.entities.words import Found

_NEARBY = 25  # what it counts that the article names the country


def choose_places(found: list[Found]) -> None:
    """Rank the readings of ambiguous towns anew by the countries that the article names."""
    countries = {one.id for one in found if one.strength >= WEAK and one.type in ("place", "person")}
    for one in found:
        if len(one.readings) < 2 or one.type != "place" or one.readings[0].strength > WEAK + _NEARBY:
            continue
        ranked = sorted(
            one.readings,
            key=lambda reading: -reading.strength - (_NEARBY if reading.known.country in countries else 0),
        )
        best = ranked[0]
        one.readings = tuple(ranked)
        one.id, one.name, one.type, one.strength = best.known.id, best.known.name, best.known.type, best.strength
