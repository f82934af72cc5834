"""
Figure 5: quantiles of a pretrained model
=========================================

The criterion applied to models trained in UntrimmedNet's way: mAP at tIoU 0.5 against the
quantile. ``python figure5.py SOURCE [--heads FILE] [--quick] [--seeds N] [--out FOLDER]``.

The paper takes the weights that UntrimmedNet's authors released: ``--heads`` gives them
(`_heads.py` says what is in the file). Without it, `sklearn_asn.rivals.UntrimmedNet` is trained on
the features. Either way the quantiles are recorded by running over the untrimmed training videos,
and attentions of two streams are divided by their thresholds and averaged, as in the paper.
"""

import numpy as np
from _report import Run
from _settings import QUANTILES

from sklearn_asn.rivals import UntrimmedNet

STREAMS = {"Flow": "temporal", "RGB": "spatial", "Two-stream": "two-stream"}
PAPER = {"Flow": "14.87", "RGB": "5.02", "Two-stream": "14.40"}  # table 1, quantile 50%


def trained(run, stream, seed):
    """Train UntrimmedNet, and record its quantiles as those of given weights are."""
    model = UntrimmedNet(
        stream,
        **run.settings.untrimmednet,
        attention_scale=run.settings.attention_scale,
        selection=run.settings.naive_selection,
        **run.common(seed),
    )
    return run.fit(model).record_quantiles(run.data.X_train[~run.data.trimmed])


def main(argv=None):
    """Train (or take what is given), evaluate, draw."""
    option = ("--heads", "weights trained elsewhere, in place of a training (_heads.py)")
    run = Run("figure5", argv, paper_data="thumos14", seeds=1, extra=[option])
    curves = {}
    for name, stream in STREAMS.items():
        if run.options.heads:
            models = [model for model in [run.pretrained(stream)] if model is not None]
        else:
            models = (trained(run, stream, seed) for seed in run.seeds)
        runs = [
            [float(run.localization(model.set_params(quantile=q), 0.5)) for q in QUANTILES]
            for model in models
        ]
        if runs:
            curves[name] = np.array(runs)
    what = "heads that were given" if run.options.heads else "UntrimmedNet"
    run.report_curves(QUANTILES, curves, run.title(what), PAPER)


if __name__ == "__main__":
    main()
