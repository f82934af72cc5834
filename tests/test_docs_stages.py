"""The reference's sentences on when an argument counts."""

import inspect
import sys
from pathlib import Path

import pytest

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn._localizers.parameters import SAYS, declared, sentence_of
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "_ext"))
stages = pytest.importorskip("stages")


@pytest.mark.parametrize(
    "kind", [ASNLocalizer, SelfTrainingLocalizer, UntrimmedNet, STPN, WTALC, AutoLoc]
)
def test_every_argument_has_its_sentence(kind):
    lines = inspect.getdoc(kind).splitlines()
    text = "\n".join(stages.with_stages(kind, lines))
    parameters = text[text.index("Parameters\n---") : text.index("Attributes\n---")]
    n_descriptions = sum(parameters.count(f"{said}*") for said in SAYS.values())
    assert n_descriptions >= len(declared(kind)) / 3
    for said in SAYS.values():
        assert (f"{said}*" in parameters) == (
            said in {sentence_of(kind, name) for name in declared(kind)}
        )
    assert text.replace("\n", "").startswith(lines[0])
