"""Write this version's saved models: ``python tests/data/make_saved_models.py``.

The rule: what is there stays. A released version's files are never made again and never deleted,
since they stand for those that users have; a new version (or a new kind of file) adds its own,
with the version in their names, and `tests/test_saving.py` opens all of them. So this script
refuses to replace a file. If an old one no longer opens, the package is wrong, not the file.

``expected-VERSION.npz`` holds the features and what the models said of them when they were saved.
The joblib file of the localizer holds nothing but this package's objects and NumPy arrays. The
pipelines hold a `StandardScaler` too, which warns under another version of scikit-learn.
"""

import zipfile
from pathlib import Path

import joblib
import numpy as np
import skops.io
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, __version__
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.saving import save_safetensors

HERE = Path(__file__).parent


def target(stem: str, suffix: str) -> Path:
    path = HERE / f"{stem}-{__version__}.{suffix}"
    if path.exists():
        raise FileExistsError(f"{path} exists, and is kept as it is: see the top of this script.")
    return path


def said(model, X: Clips, stem: str) -> dict[str, np.ndarray]:
    found = model.predict(X)
    return {
        f"{stem}_proba": model.predict_proba(X),
        f"{stem}_cas": np.concatenate(model.transform(X)),
        f"{stem}_video": found.video,
        f"{stem}_label": found.label.astype(str),
        f"{stem}_times": np.stack([found.start, found.end, found.score], axis=1),
    }


def main() -> None:
    X, y = make_untrimmed_videos(
        n_videos=12, n_classes=3, n_features=8, n_clips=(12, 20), instance_clips=(2, 4),
        n_instances=(1, 2), random_state=0,
    )  # fmt: skip
    localizer = ASNLocalizer(
        "bilinear", hidden_size=4, quantile=0.4, max_epochs=20, batch_size=4, random_state=0
    )
    models = {
        "localizer": localizer.fit(X, y),
        "pipeline": make_pipeline(ClipWise(StandardScaler()), clone(localizer)).fit(X, y),
    }
    expected = {
        "values": X.values.astype(np.float32),
        "lengths": X.lengths,
        "feature_names": np.asarray(X.feature_names, dtype=str),
    }
    X = X.with_values(expected["values"], X.feature_names)
    paths = [target("expected", "npz"), target("localizer", "safetensors")]
    for stem, model in models.items():
        expected |= said(model, X, stem)
        paths += [target(stem, "joblib"), target(stem, "skops")]
        joblib.dump(model, paths[-2], compress=3, protocol=4)
        skops.io.dump(model, paths[-1], compression=zipfile.ZIP_DEFLATED)
    save_safetensors(models["localizer"], paths[1])
    np.savez_compressed(paths[0], **expected)
    print({path.name: path.stat().st_size for path in paths})


if __name__ == "__main__":
    main()
