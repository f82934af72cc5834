"""When the annotations of ELAN's tiers are, those of dependent tiers by what they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Span = tuple[float, float]


def spans(eaf: Any, tiers: Iterable[str]) -> dict[str, Span | None]:
    """Return start and end in milliseconds of every annotation of the tiers; None: not known.

    An annotation that refers to another one has its times. Of several in a tier that refer to the
    same one (ELAN's Symbolic Subdivision), each has an equal part, in their order, as ELAN shows
    them. A time slot without a time (inside a Time Subdivision) divides evenly, too.
    """
    known = _aligned(eaf)
    owner = {a: tier for tier, (_, refs, *_) in eaf.tiers.items() for a in refs}
    parts: dict[str, dict[str, tuple[str, int, int]]] = {}
    for tier in tiers:
        _resolve(eaf, tier, owner, parts, known)
    return known


def _resolve(
    eaf: Any,
    tier: str,
    owner: dict[str, str],
    parts: dict[str, dict[str, tuple[str, int, int]]],
    known: dict[str, Span | None],
) -> None:
    """Add the annotations of a tier that refer to others, at any distance; no recursion."""
    for name in eaf.tiers[tier][1]:
        chain, seen = [], set()
        at = name
        while at not in known and at in owner and at not in seen:
            seen.add(at)
            place = parts.setdefault(owner[at], {}) or _places(eaf.tiers[owner[at]][1])
            parts[owner[at]] = place
            chain.append((at, *place[at][1:]))
            at = place[at][0]
        span = known.get(at)
        for child, i, n in reversed(chain):
            if span is not None:
                start, end = span
                step = (end - start) / n
                span = (start + i * step, end if i + 1 == n else start + (i + 1) * step)
            known[child] = span


def _places(references: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    """Return, by annotation, what it refers to, its place among those that do, and their number."""
    children: dict[str, list[str]] = {}
    for name, (parent, *_) in references.items():
        children.setdefault(parent, []).append(name)
    places = {}
    for parent, names in children.items():
        following = {references[name][2]: name for name in names}
        order = [*_chain(following)]
        order = order if len(order) == len(names) else names
        places.update({name: (parent, i, len(names)) for i, name in enumerate(order)})
    return places


def _chain(following: dict[str | None, str]) -> Iterator[str]:
    """Follow PREVIOUS_ANNOTATION from the one that has none."""
    at: str | None = None
    while at in following:
        at = following.pop(at)
        yield at


def _aligned(eaf: Any) -> dict[str, Span | None]:
    """Return the times of annotations that have time slots of their own."""
    slots = dict(eaf.timeslots)
    for aligned, _, attributes, _ in eaf.tiers.values():
        kind = eaf.linguistic_types.get(attributes.get("LINGUISTIC_TYPE_REF"), {})
        if kind.get("CONSTRAINTS") == "Time_Subdivision":
            _fill(slots, aligned)
    return {
        name: None
        if slots.get(first) is None or slots.get(last) is None
        else (slots[first], slots[last])
        for aligned, *_ in eaf.tiers.values()
        for name, (first, last, *_) in aligned.items()
    }


def _fill(slots: dict[str, Any], aligned: dict[str, Any]) -> None:
    """Give times to the slots between annotations that follow one another."""
    following = {first: last for first, last, *_ in aligned.values()}
    for first in [slot for slot in following if slots.get(slot) is not None]:
        run: list[str] = []
        at = following[first]
        while slots.get(at) is None and at in following and len(run) < len(following):
            run.append(at)
            at = following[at]
        if run and slots.get(at) is not None:
            step = (slots[at] - slots[first]) / (len(run) + 1)
            slots.update({slot: slots[first] + i * step for i, slot in enumerate(run, start=1)})
