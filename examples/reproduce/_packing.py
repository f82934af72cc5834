"""Features on disk rather than in memory: packed into one file, and memory-mapped.

A run on THUMOS14 reads validation and UCF101 features as one set of videos. Both are packed into
one file, block after block, so that no more than a block of them is in memory at a time.
"""

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np

from sklearn_asn import Clips

ROWS = 2**14  # copied together


class Packing:
    """A folder of packed features: the one given, or a temporary one that goes at the end.

    The temporary one is made in `beside`, or where the system has them, which may be memory.
    """

    def __init__(self, folder=None, beside=None):
        if folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="features-", dir=beside))
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        else:
            self.folder = Path(folder)
            self.folder.mkdir(parents=True, exist_ok=True)

    def file(self, name):
        """Return the path of a packed file to make; one of an earlier run goes."""
        path = self.folder / f"{name}.npy"
        path.unlink(missing_ok=True)
        return path

    def join(self, name, *parts):
        """Put the videos of several `Clips` one after another; training needs no timing."""
        path = self.file(name)
        lengths = np.concatenate([part.lengths for part in parts])
        shape = (int(lengths.sum()), parts[0].n_features)
        values = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        first = 0
        for part in parts:
            for row in range(0, len(part.values), ROWS):
                block = part.values[row : row + ROWS]
                values[first : first + len(block)] = block
                first += len(block)
        values.flush()
        del values
        ids = [video for part in parts for video in part.ids.tolist()]
        names = parts[0].feature_names
        offsets = np.append(0, np.cumsum(lengths))
        return Clips(np.load(path, mmap_mode="r"), offsets, ids=ids, feature_names=names)
