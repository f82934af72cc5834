"""Which parameters of use a search has set: labels cannot judge these."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator

from sklearn_asn._localizers import advice
from sklearn_asn._localizers.parameters import declared, same_value


class RemembersChoices(BaseEstimator):
    """Remember which parameters of use `set_params` has changed before `fit`.

    That is what every search does with a clone, and hardly anybody else: parameters are given to
    the constructor, or set on a fitted localizer, where they hold at once. An estimator cannot see
    the search it is part of; this much it can.
    """

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of what a localizer holds as ``name__parameter``."""
        before = self.get_params(deep=False)
        super().set_params(**params)
        if not self.__sklearn_is_fitted__():
            of_use = [n for n, p in declared(type(self)).items() if p.stage == "use"]
            chosen = {name for name in of_use if not same_value(before[name], getattr(self, name))}
            chosen |= {name.split("__")[0] for name in params if "__" in name} & set(of_use)
            if chosen:
                self._chosen = sorted({*self.__dict__.get("_chosen", ()), *chosen})
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in self.__dict__

    def _warn_unjudged(self) -> None:
        """Warn, where labels are to judge, of what they cannot."""
        chosen = self.__dict__.get("_chosen")
        if chosen:
            advice.warn_unjudged(chosen)
