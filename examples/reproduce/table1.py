"""
Table 1: streams
================

Localization and recognition of one stream, of both together, and of the two-stream model when
the attention of one stream alone decides. ``python table1.py SOURCE [--quick] [--seeds N]
[--out FOLDER]``; `_data.py` says what SOURCE may be.

The rows "pretrained" are of UntrimmedNet's own heads, with quantiles recorded by running over the
untrimmed training videos: ``--heads FILE`` gives them (`_heads.py` says what is in the file).
Without it, and of UntrimmedNet's own detection, the rows are the paper's only.
"""

import numpy as np
from _report import TIOUS, Run

PAPER = {
    "Flow pretrained": "27.68 21.26 14.87 9.79 5.64 73.93%",
    "RGB pretrained": "15.32 8.76 5.02 2.80 1.35 72.29%",
    "Two-stream pretrained": "28.50 21.06 14.40 8.75 4.78 82.04%",
    "UntrimmedNet [38]": "28.2 21.1 13.7 - - *82.2%",
    "Flow stream": "28.67 22.43 16.60 10.42 5.63 74.15%",
    "RGB stream": "15.32 8.76 5.02 2.80 1.35 72.29%",
    "Fusion stream": "20.40 14.50 9.50 5.56 3.03 75.61%",
    "Two-stream": "27.87 20.76 14.46 8.59 4.68 79.95%",
    "Two-stream (RGB)": "21.88 14.73 9.19 4.97 2.29 -",
    "Two-stream (Flow)": "28.57 22.23 16.40 10.04 5.62 -",
}
PRETRAINED = {
    "Flow pretrained": "temporal",
    "RGB pretrained": "spatial",
    "Two-stream pretrained": "two-stream",
}
ATTENTION = {
    "Two-stream": "both",
    "Two-stream (RGB)": "spatial",
    "Two-stream (Flow)": "temporal",
}


def main(argv=None):
    """Train, evaluate, report."""
    option = ("--heads", "weights trained elsewhere, for the rows 'pretrained' (_heads.py)")
    run = Run("table1", argv, paper_data="thumos14", extra=[option])
    results = {name: [] for name in PAPER if "pretrained" not in name and "[38]" not in name}
    for name, stream in PRETRAINED.items() if run.options.heads else ():
        if (model := run.pretrained(stream)) is not None:
            results[name] = [run.evaluate(model)]
    for seed in run.seeds:
        results["Flow stream"].append(run.evaluate(run.asn("temporal", seed)))
        results["RGB stream"].append(run.evaluate(run.asn("spatial", seed)))
        results["Fusion stream"].append(run.evaluate(run.asn("fusion", seed, init="scratch")))
        two_stream = run.asn("two-stream", seed)  # once; whose attention counts is set afterwards
        for name, stream in ATTENTION.items():
            results[name].append(run.evaluate(two_stream.set_params(attention_stream=stream)))
    columns = [*map(str, TIOUS), "recognition"]
    run.report_table(columns, PAPER, {name: np.array(r) for name, r in results.items()})


if __name__ == "__main__":
    main()
