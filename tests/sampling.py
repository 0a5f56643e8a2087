"""One in N of a test's parameter sets, the same ones each time."""

import math
import random
from collections import defaultdict
from collections.abc import Hashable, Iterable


def sampled(keys: Iterable[Hashable], every: int) -> list[int]:
    """Positions in ``keys``, in order, of at least one in ``every`` of those with the same key.

    Drawn at random, seeded by the key: at a fixed step, each might have the same value of an axis.
    """
    places = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return sorted(
        place
        for key, mine in places.items()
        for place in random.Random(str(key)).sample(mine, math.ceil(len(mine) / every))
    )
