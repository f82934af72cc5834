"""What a result was made with, written beside it: `write_manifest`."""

import json
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

PACKAGES = ("sklearn-asn", "scikit-learn", "numpy", "torch", "skorch")


def write_manifest(path, run):
    """Write rule, seeds, settings, data and versions of a run as JSON."""
    data, options = run.data, run.options
    content = {
        "of": run.of,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": bool(options.quick),
        "options": {name: _plain(value) for name, value in vars(options).items()},
        "rule": run.protocol,
        "seeds": list(run.seeds),
        "data": {
            "name": data.settings,
            "videos_trained_on": len(data.X_train),
            "of_these_trimmed": int(data.trimmed.sum()),
            "videos_localized": len(data.y_test),
            "videos_recognized": len(data.X_test),
            "clips_trained_on": int(data.X_train.lengths.sum()),
            "features": int(data.X_train.n_features),
            "classes_localized": len(data.classes),
        },
        "settings": {name: _plain(value) for name, value in asdict(run.settings).items()},
        "selections": {
            "naive": repr(run.settings.naive_selection),
            "autoloc": repr(run.settings.autoloc_selection),
        },
        "versions": {name: _version(name) for name in PACKAGES}
        | {"python": sys.version.split()[0], "platform": platform.platform()},
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _version(name):
    try:
        return version(name)
    except ImportError:  # run from a checkout
        import sklearn_asn

        return sklearn_asn.__version__ if name == "sklearn-asn" else None


def _plain(value):
    """Turn a value into what JSON holds."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
