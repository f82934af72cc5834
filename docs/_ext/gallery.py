"""What the gallery needs to know: which examples run, on what, and in which order."""

import os
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]

ORDER = (
    "plot_quickstart.py",
    "plot_steps.py",
    "plot_flow_leads.py",
    "plot_quantile_curve.py",
    "plot_grid_search.py",
    "plot_some_times.py",
    "search_with_optuna.py",
    "plot_streams.py",
    "plot_imbalance.py",
    "plot_callbacks.py",
    "plot_saving.py",
    "plot_selections.py",
    "plot_precision_recall.py",
    "plot_rivals.py",
    "plot_clips_on_disk.py",
    "plot_hapt.py",
    "plot_video.py",
)


def hapt() -> Path | None:
    """Return where the HAPT archive is, if it is there."""
    given = os.environ.get("HAPT_ZIP")
    path = Path(given) if given else ROOT.parent / "shared" / "data" / "hapt" / "hapt.zip"
    return path.resolve() if path.exists() else None


def filename_pattern() -> str:
    """Match the examples that are run: those whose data and packages are here.

    The others are shown as they are, without output.
    """
    absent = [] if hapt() else ["hapt"]
    if not (find_spec("av") and find_spec("cv2")):
        absent.append("video")
    return r"/plot_" + "".join(rf"(?!{name}\b)" for name in absent)


def arguments(gallery_conf: dict, script_vars: dict) -> list[str]:
    """Return what an example gets as ``sys.argv[1:]``."""
    is_hapt = Path(script_vars["src_file"]).name == "plot_hapt.py"
    return [str(hapt())] if is_hapt else []


def order(name: str) -> tuple[int, str]:
    """Sort examples from the first to be read to the last; unknown ones at the end."""
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
