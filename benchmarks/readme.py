"""Make what README.md and docs/start.md show of one run: output, picture, and what it costs.

``python benchmarks/readme.py`` runs README's Python block as it stands, on one core. It writes what
was printed, and what it took, between the marks of both pages, and the picture of the same model to
docs/images/quickstart.png. tests/test_docs.py runs the block too, and compares.
"""

import io
import os
import re
import resource
import time
from contextlib import redirect_stdout
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
ROOT = Path(__file__).parents[1]
PAGES = ROOT / "README.md", ROOT / "docs" / "start.md"


def block() -> str:
    """Return README's Python block."""
    return re.search(r"```python\n(.*?)```", PAGES[0].read_text(), flags=re.DOTALL).group(1)


def run() -> tuple[dict, str, float]:
    """Run the block; return its names, what it printed, and its seconds on one core."""
    names, printed = {}, io.StringIO()
    start = time.process_time()
    with redirect_stdout(printed):
        exec(compile(block(), "README.md", "exec"), names)
    return names, printed.getvalue().rstrip(), time.process_time() - start


def cost(names: dict, seconds: float) -> str:
    """Say what the run took, and what one more video takes."""
    X, model = names["X"], names["model"]
    clips = X[:120].lengths.sum()
    before = time.process_time()
    for i in range(120, 160):
        model.predict(X[[i]])
    one = (time.process_time() - before) / 40
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kB on Linux
    return (
        f"What it cost: {seconds:.0f} s on one core of a CPU, the {clips:,} training clips and the "
        f"scoring included, and\n{peak:.1f} GB of memory, most of it torch. One more video takes "
        f"{one * 1000:.0f} ms. No GPU is needed."
    )


def put(path: Path, mark: str, text: str) -> None:
    """Write a text between two marks of a page, where it has them."""
    page = path.read_text()
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)"
    if re.search(pattern, page, flags=re.DOTALL):
        page = re.sub(pattern, lambda m: m[1] + text + "\n" + m[2], page, flags=re.DOTALL)
        path.write_text(page)


def main() -> None:
    """Make all of it."""
    import torch

    from sklearn_asn.plotting import CASDisplay

    torch.set_num_threads(1)
    names, printed, seconds = run()
    spent = cost(names, seconds)
    print(printed, spent, sep="\n\n")
    for path in PAGES:
        put(path, "output", f"```text\n{printed}\n```")
        put(path, "cost", spent)
    X, y, model = names["X"], names["y"], names["model"]
    display = CASDisplay.from_estimator(model, X[120:], y[120:], video=0)
    display.figure_.savefig(ROOT / "docs" / "images" / "quickstart.png", dpi=120)


if __name__ == "__main__":
    main()
