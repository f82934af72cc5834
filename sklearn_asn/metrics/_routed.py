"""`RoutedScorer`: a scorer that takes part in scikit-learn's metadata routing."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRequest


class RoutedScorer:
    """A scorer that asks the estimator more than `make_scorer` can, and may be given weights."""

    @abstractmethod
    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None) -> float:
        """Score an estimator on videos."""

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether, and under which name, a search or cross-validation shall pass weights.

        As of scikit-learn's own scorers, whose routing must be enabled.

        Parameters
        ----------
        sample_weight : bool, str or None
            True: pass them; False: leave them out; a string: the name that they are passed under;
            None: an error where some are given.

        Returns
        -------
        self

        Raises
        ------
        RuntimeError
            Metadata routing is not enabled.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "set_score_request needs metadata routing; enable it with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        # scorers are frozen where they are dataclasses: what is asked for is no value of theirs
        vars(self)["_metadata_request"] = self._request(sample_weight)
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """Return what scikit-learn's routing asks for: which metadata the scorer wants."""
        return vars(self).get("_metadata_request", self._request(None))

    def _request(self, alias: Any) -> MetadataRequest:
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=alias)
        return request
