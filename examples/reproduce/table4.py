"""
Table 4: other methods
======================

The bilinear bottleneck of the large size, inherit strategy, with naive and with AutoLoc's
selection (one training serves both), beside other weakly-supervised methods trained on the same
features in the same run. ``python table4.py SOURCE [--quick] [--seeds N] [--out FOLDER]``.

Fully supervised methods, and those that need other inputs than features, are the paper's only.
AutoLoc stands on the UntrimmedNet of its own row; Hide-and-Seek is UntrimmedNet with half of the
clips hidden in every training step.
"""

import numpy as np
from _report import TIOUS, Run
from sklearn.frozen import FrozenEstimator

from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet

HIDDEN = 0.5  # share of clips, of Hide-and-Seek
PAPER = {  # the first eleven are fully supervised
    "S-CNN [31] (full)": "36.3 28.7 17.0 10.3 5.3",
    "Yuan et al. [42] (full)": "33.6 26.1 18.8 - -",
    "CDC [29] (full)": "40.1 29.4 23.3 13.1 7.9",
    "Dai et al. [6] (full)": "- 33.3 25.6 15.9 9.0",
    "SSAD [22] (full)": "43.0 35.0 24.6 - -",
    "Turn Tap [12] (full)": "44.1 34.9 25.6 - -",
    "R-C3D [41] (full)": "44.7 35.6 28.9 - -",
    "SS-TAD [1] (full)": "45.7 - 29.2 - 9.6",
    "Gao et al. [11] (full)": "50.1 41.3 31.0 19.1 9.9",
    "SSN [43] (full)": "51.9 41.0 29.8 19.6 10.7",
    "BSN [23] (full)": "53.5 45.0 36.9 28.4 20.0",
    "Sun et al. [34]": "8.5 5.2 4.4 - -",
    "Hide and Seek [33]": "19.5 12.7 6.8 - -",
    "UntrimmedNet [38]": "28.2 21.1 13.7 - -",
    "AutoLoc [30]": "35.8 29.0 21.2 13.4 5.8",
    "W-TALC [26]": "32.0 26.0 18.8 - 6.2",
    "STPN [25]": "31.1 23.5 16.2 9.8 5.1",
    "ASN (Naive)": "32.2 25.3 18.2 11.4 6.2",
    "ASN (AutoLoc)": "35.9 29.4 22.8 15.2 7.3",
}


def main(argv=None):
    """Train, evaluate, report."""
    run = Run("table4", argv, paper_data="thumos14")
    settings = run.settings
    results = {name: [] for name in list(PAPER)[-7:]}
    for seed in run.seeds:
        common = run.common(seed)
        untrimmednet = run.fit(UntrimmedNet(**settings.untrimmednet, **common))
        below = FrozenEstimator(untrimmednet)
        autoloc = run.fit(AutoLoc(below, random_state=seed, **settings.autoloc))
        asn = run.asn("bilinear", seed, hidden_size=settings.sizes[1])
        hidden = {**settings.untrimmednet, "hide_probability": HIDDEN}
        models = {
            "Hide and Seek [33]": run.fit(UntrimmedNet(**hidden, **common)),
            "UntrimmedNet [38]": untrimmednet,
            "AutoLoc [30]": autoloc,
            "W-TALC [26]": run.fit(WTALC(**settings.wtalc, **common)),
            "STPN [25]": run.fit(STPN(**settings.stpn, **common)),
            "ASN (Naive)": asn,
        }
        for name, model in models.items():
            results[name].append(run.localization(model))
        asn.set_params(selection=settings.autoloc_selection)
        results["ASN (AutoLoc)"].append(run.localization(asn))
    run.report_table([*map(str, TIOUS)], PAPER, {n: np.array(r) for n, r in results.items()})


if __name__ == "__main__":
    main()
