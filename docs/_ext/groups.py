"""The arguments of `ASNLocalizer` in the order in which one meets them, under four headings."""

import re

from sklearn_asn import ASNLocalizer
from sklearn_asn._localizers.parameters import declared

#: Heading: what it says, and its arguments. What `declared` calls "machine" has a group by itself.
GROUPS = {
    "Usual": (
        "What is set first, for a new data set.",
        "variant quantile selection video_threshold streams hidden_size weight_decay dropout "
        "batch_size max_epochs random_state",
    ),
    "The paper's": (
        "The rest of the method. The defaults are the paper's, and seldom need another value.",
        "init main_stream quantile_momentum clips_per_video frames_per_clip frames_sampled "
        "attention_softening attention_stream attention_scale quantile_videos training_window "
        "lr lr_milestones momentum trimmed_batch_size",
    ),
    "Beyond the paper": (
        "`localization_pipeline` uses several of them.",
        "pooling topk_divisor class_activation unlabelled context_layers context_size "
        "channel_dropout hide_probability hide_clips when_none_passes localize_classes optimizer "
        "lr_schedule extractor_weight_decay gradient_clip callbacks warm_start",
    ),
    "Machine": ("Where, how fast and how loudly. The method is the same.", ""),
}


def groups():
    """Return the arguments under each heading; those in no tuple are the machine's."""
    named = {name for _, names in GROUPS.values() for name in names.split()}
    rest = tuple(name for name in ASNLocalizer().get_params(deep=False) if name not in named)
    return {title: tuple(names.split()) or rest for title, (_, names) in GROUPS.items()}


def stray():
    """Return arguments of the last group that change the result: they want another group."""
    known = declared(ASNLocalizer)
    allowed = {"precision"}  # rounds otherwise
    return [n for n in groups()["Machine"] if known[n].stage != "machine" and n not in allowed]


def add_groups(app, what, name, obj, options, lines):
    """Put the arguments of `ASNLocalizer` in order, each group under its heading."""
    if obj is ASNLocalizer:
        lines[:] = with_groups(lines)


def with_groups(lines):
    """Return the lines of its docstring with the descriptions of its arguments in order."""
    lines = list(lines)
    first = lines.index("Parameters") + 2
    headings = (i for i in range(first, len(lines)) if re.fullmatch(r"-{3,}", lines[i]))
    last = next(headings, len(lines) + 1) - 1
    blocks, name = {}, None
    for line in lines[first:last]:
        begun = re.match(r"(\w+)\s*(?::|$)", line)
        name = begun.group(1) if begun else name
        blocks.setdefault(name, []).append(line)
    ordered = []
    for title, names in groups().items():
        ordered += [title, f"    {GROUPS[title][0]}"]
        for name in names:
            ordered += [line for line in blocks.pop(name) if line]
    assert not blocks, f"descriptions of no argument: {list(blocks)}"
    return [*lines[:first], *ordered, "", *lines[last:]]
