"""Weights that were trained elsewhere: `load_heads(file)` reads what ``--heads`` names.

An ``.npz`` file with ``classes`` (the names of the classes, in the order of the rows) and, for
``temporal``, ``spatial`` or both, of UntrimmedNet's layers::

    temporal_action_weight     (n_classes, 1024)    fc-action
    temporal_action_bias       (n_classes,)
    temporal_attention_weight  (1, 1024)            fc-attention
    temporal_attention_bias    (1,)

From Caffe: ``net.params["fc-action"][0].data`` is a weight, ``[1].data`` its bias. The columns
are those of the features in ``features/``, which come from the same network's ``global_pool``.
"""

from pathlib import Path

import numpy as np

STREAMS = ("temporal", "spatial")


def load_heads(file):
    """Return the heads of each stream, as `ASNLocalizer.from_heads` takes them, and classes."""
    if not Path(file).is_file():
        raise SystemExit(f"{file}: not there. It is to be an .npz file; _heads.py says of what.")
    heads = {}
    with np.load(file) as data:
        for stream in STREAMS:
            if f"{stream}_action_weight" not in data:
                continue
            try:
                heads[stream] = {
                    part: (data[f"{stream}_{name}_weight"], data[f"{stream}_{name}_bias"])
                    for part, name in (("classification", "action"), ("attention", "attention"))
                }
            except KeyError as missing:
                raise SystemExit(
                    f"{file}: {missing.args[0]}; _heads.py says what is in it."
                ) from None
        if not heads or "classes" not in data:
            raise SystemExit(f"{file}: no classes, or no stream's weights; see _heads.py.")
        return heads, data["classes"].tolist()
