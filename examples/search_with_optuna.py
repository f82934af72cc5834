"""
Search with Optuna: a network is trained once, however many quantiles are tried
===============================================================================

Some settings need a training (`hidden_size`), others only change how a trained network is used
(`quantile`, `video_threshold`, the selection's). With ``memory`` a training is kept by what it
depends on, so a study over all of these trains each network once for every fold, and the trials
after that take a fraction of the time. Settings that are used after training can be tried as
freely as a sampler likes; for those that need a training, a short list is cheaper than a range.

Run it with ``python examples/search_with_optuna.py [n_trials]``.
"""

import sys
import tempfile
import time

try:
    import optuna
except ImportError:
    sys.exit("This example needs Optuna: pip install optuna")

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.selection import NaiveSelection

# %%
# Videos, and a model with a memory. The segments of the validation folds are what the trials are
# scored by (mAP at tIoU 0.5); training reads only which labels occur.

X, y = make_untrimmed_videos(n_videos=150, random_state=0)
train, test = np.arange(90), np.arange(90, 150)
memory = tempfile.TemporaryDirectory()
model = make_pipeline(
    ClipWise(StandardScaler()),
    ASNLocalizer(
        "bottleneck",
        max_epochs=40,
        batch_size=32,
        weight_decay=0.02,
        selection=NaiveSelection(),
        memory=memory.name,
        random_state=0,
    ),
)

# %%
# A trial: one setting that is trained for, and three that are not.


def suggest(trial):
    """Return the parameters of a trial."""
    return {
        "asnlocalizer__hidden_size": trial.suggest_categorical("hidden_size", [8, 32]),
        "asnlocalizer__quantile": trial.suggest_float("quantile", 0.1, 0.8),
        "asnlocalizer__video_threshold": trial.suggest_float("video_threshold", 0.05, 0.2),
        "asnlocalizer__selection__video_weight": trial.suggest_float("video_weight", 0.0, 1.0),
    }


def objective(trial):
    """Return the mean score of three folds."""
    candidate = clone(model).set_params(**suggest(trial))
    start = time.perf_counter()
    score = cross_val_score(candidate, X[train], y[train], cv=3).mean()
    trial.set_user_attr("seconds", time.perf_counter() - start)
    return score


optuna.logging.set_verbosity(optuna.logging.WARNING)
n_trials = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 25
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=n_trials)

# %%
# The first trial of a hidden size trains its networks, the others only use them.

first = {t.params["hidden_size"]: t.number for t in reversed(study.trials)}
for text, is_meant in (("trains", True), ("uses what was trained", False)):
    seconds = [
        t.user_attrs["seconds"] for t in study.trials if (t.number in first.values()) is is_meant
    ]
    if seconds:
        print(f"a trial that {text}: {np.mean(seconds):.2f} s (mean of {len(seconds)})")
print(f"best of {n_trials} trials: mAP {study.best_value:.3f} with", study.best_params)

# %%
# The best parameters on videos that no trial has seen, against those that the study began from.

best = clone(model).set_params(**suggest(optuna.trial.FixedTrial(study.best_params)))
for name, candidate in (("before", clone(model)), ("best", best)):
    score = candidate.fit(X[train], y[train]).score(X[test], y[test])
    print(f"mAP at tIoU 0.5 on test videos, {name}: {score:.3f}")
memory.cleanup()
