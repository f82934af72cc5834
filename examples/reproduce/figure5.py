"""
Figure 5: quantiles of a pretrained model
=========================================

The criterion applied to models trained in UntrimmedNet's way, without our losses: mAP at tIoU 0.5
against the quantile. ``python figure5.py SOURCE [--quick] [--seeds N] [--out FOLDER]``.

The paper takes the weights that UntrimmedNet's authors released, and records the quantiles by
running them on the validation videos. Those weights belong to images, not to features; here
`sklearn_asn.rivals.UntrimmedNet` is trained on the features, and its quantiles are the running
ones of its training. `MultiQuantileSelection` with one quantile, no ring (``outer_weight=0``) and
no suppression cuts at that quantile of the attention, and scores runs as equation 4 does (mean of
the class probabilities plus 0.2 times the video's): the naive selection under the paper's
criterion. One difference remains: with two streams the *levels* of both attentions are averaged,
while the paper averages attentions divided by their thresholds.
"""

import numpy as np
from _report import Run
from _settings import QUANTILES

from sklearn_asn.rivals import UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection

STREAMS = {"Flow": "temporal", "RGB": "spatial", "Two-stream": "two-stream"}
PAPER = {"Flow": "14.87", "RGB": "5.02", "Two-stream": "14.40"}  # table 1, quantile 50%


def cut_at(quantile):
    """Return the naive selection that cuts a localizer's attention at one quantile."""
    return MultiQuantileSelection((quantile,), outer_weight=0.0, video_weight=0.2, merge=None)


def main(argv=None):
    """Train, evaluate, draw."""
    run = Run("figure5", argv, paper_data="thumos14", seeds=1)
    curves = {name: [] for name in STREAMS}
    for name, stream in STREAMS.items():
        for seed in run.seeds:
            common = {"localize_classes": run.data.classes, "random_state": seed}
            model = run.fit(UntrimmedNet(stream, **run.settings.untrimmednet, **common))
            at_each = (model.set_params(selection=cut_at(q)) for q in QUANTILES)
            curves[name].append([float(run.localization(m, 0.5)) for m in at_each])
    curves = {name: np.array(runs) for name, runs in curves.items()}
    run.report_curves(QUANTILES, curves, run.title("UntrimmedNet"), PAPER)


if __name__ == "__main__":
    main()
