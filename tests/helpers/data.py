"""Where real data lie, for the tests that read some where there are any."""

from pathlib import Path

DATA = Path(__file__).parents[3] / "shared" / "data"
