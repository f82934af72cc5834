"""The packages of the extra ``video``, imported when they are first needed."""

from functools import partial

from sklearn_asn import _optional

need = partial(_optional.need, what="Reading videos", extra="video")
