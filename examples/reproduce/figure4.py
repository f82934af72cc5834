"""
Figure 4: quantiles
===================

Localization mAP at tIoU 0.5 of the flow and the RGB model against the quantile that background is
cut at: mean and standard deviation of N trainings (the paper: 10, the default). ``python
figure4.py SOURCE [--quick] [--seeds N] [--out FOLDER]``.

The quantile does not enter training, so every model is trained once and the quantile is then set.
"""

import numpy as np
from _report import Run
from _settings import QUANTILES

STREAMS = {"Flow": "temporal", "RGB": "spatial"}
PAPER = {"Flow": "16.60", "RGB": "5.02"}  # table 1, quantile 50%


def main(argv=None):
    """Train, evaluate, draw."""
    run = Run("figure4", argv, paper_data="thumos14", seeds=10)
    curves = {}
    for name, stream in STREAMS.items():
        models = (run.asn(stream, seed) for seed in run.seeds)
        curves[name] = np.array(
            [
                [float(run.localization(model.set_params(quantile=q), 0.5)) for q in QUANTILES]
                for model in models
            ]
        )
    run.report_curves(QUANTILES, curves, run.title("ASN, one stream"), PAPER)


if __name__ == "__main__":
    main()
