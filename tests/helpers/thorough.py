"""How often a property is tried: a few times on every push, many times now and then."""

import os

from hypothesis import settings

#: ``SKLEARN_ASN_EXAMPLES=10`` tries ten times as many examples of what takes long.
TIMES = int(os.environ.get("SKLEARN_ASN_EXAMPLES", "1"))


def examples(n):
    """Return the settings of a property of which `n` examples take seconds."""
    return settings(max_examples=n * TIMES, deadline=None)
