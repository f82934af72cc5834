"""The hyperparameters of every data set, in this one place; the scripts hold none.

Of THUMOS14 and ActivityNet1.2 they are the paper's (sections 4.2 to 4.4). Where it is silent
(clips of a video, dropout, ...) the package's defaults stand. Of HAPT and the synthetic videos,
which the paper does not use, they are ours: small, because so are the data.
"""

from dataclasses import dataclass, field, replace

from sklearn_asn.selection import AutoLocSelection, NaiveSelection, dense_scales

QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # figures 4 and 5


@dataclass(frozen=True)
class Settings:
    """What one data set is trained and evaluated with."""

    training: dict  # of ASNLocalizer; UntrimmedNet takes those of TRAINING below
    sizes: tuple[int, int]  # the small and the large bottleneck (the paper: 64 and 128)
    quantile: float
    outer_weight: float  # lambda of equation 5
    inflation: float
    attention_scale: str = "threshold"  # of two streams: the paper's quotient (section 4.3)
    scales: tuple[int, ...] = (1, 2, 4, 8, 16, 32)  # of AutoLoc's boxes, in clips
    autoloc_video_weight: float = 0.0  # AutoLoc's scores are contrast alone
    untrimmednet: dict = field(default_factory=dict)
    stpn: dict = field(default_factory=dict)
    wtalc: dict = field(default_factory=dict)
    autoloc: dict = field(default_factory=dict)

    @property
    def naive_selection(self):
        """UntrimmedNet's selection with the lambda of equation 4."""
        return NaiveSelection(video_weight=0.2)

    @property
    def autoloc_selection(self):
        """AutoLoc's selection with the lambda and the inflation of equation 5."""
        return AutoLocSelection(
            scales=self.scales,
            outer_weight=self.outer_weight,
            inflation=self.inflation,
            video_weight=self.autoloc_video_weight,
        )

    def quick(self):
        """Return the same settings, trained far too short: to see that everything runs."""
        short = {"max_epochs": 6}
        return replace(
            self,
            training={**self.training, **short},
            untrimmednet={**self.untrimmednet, **short},
            stpn={**self.stpn, "max_epochs": 2},
            wtalc={**self.wtalc, "max_epochs": 2},
            autoloc={**self.autoloc, "max_epochs": 1},
        )


# The schedule of section 4.2: learning rate 0.1, ten times less at a half and three quarters (40th
# and 60th epoch of 80; 80th and 120th of 160), Nesterov momentum 0.9, weight decay 0.0005.
SCHEDULE = {"lr": 0.1, "lr_milestones": (0.5, 0.75), "momentum": 0.9, "weight_decay": 5e-4}

# Sampling as UntrimmedNet's, which the paper follows (section 3.3): 7 windows of 300 frames of a
# video (20 rows of 15 frames), 3 rows of each averaged; in use every row is a clip.
SAMPLING = {
    "clips_per_video": 7,
    "training_window": 20,
    "frames_sampled": 3,
    "frames_per_clip": 1,
}
_THUMOS14 = {
    **SCHEDULE,
    **SAMPLING,
    "max_epochs": 80,
    "batch_size": 512,
    "trimmed_batch_size": 8192,
}
_ACTIVITYNET = {**SCHEDULE, **SAMPLING, "max_epochs": 160, "batch_size": 512}
# AutoLoc's selection on HAPT and the synthetic videos: the best of lambda 0 to 2, scales in powers
# of two or dense, video weight 0 to 1, on the training videos.
_SEARCHED = {
    "outer_weight": 1.0,
    "inflation": 0.25,
    "scales": dense_scales(1, 32),
    "autoloc_video_weight": 0.2,
}
_SMALL = {**SCHEDULE, "batch_size": 64, "clips_per_video": 5}

SETTINGS = {
    "thumos14": Settings(
        training=_THUMOS14,
        sizes=(64, 128),
        quantile=0.5,
        outer_weight=2.0,
        inflation=0.35,
        untrimmednet=_THUMOS14,
    ),
    "activitynet": Settings(
        training=_ACTIVITYNET,
        sizes=(64, 128),
        quantile=0.1,
        outer_weight=5.0,
        inflation=0.7,
        scales=(16, 32, 64, 128, 256, 512),
        untrimmednet=_ACTIVITYNET,
        autoloc={"scales": (16, 32, 64, 128, 256, 512), "lr_decay_steps": 500},
    ),
    "hapt": Settings(
        # the bilinear layer dies at the weight decay that the heads want
        training={
            **_SMALL,
            "max_epochs": 160,
            "weight_decay": 0.05,
            "extractor_weight_decay": 0.01,
            "dropout": 0.2,
        },
        sizes=(16, 32),
        quantile=0.15,
        **_SEARCHED,
        untrimmednet={**_SMALL, "max_epochs": 160, "dropout": 0.2},
        stpn={"max_epochs": 60, "batch_size": 16, "lr": 1e-3},
        wtalc={"max_epochs": 60, "batch_size": 16, "lr": 1e-3, "hidden_size": 64},
    ),
    "synthetic": Settings(
        training={**_SMALL, "max_epochs": 80, "dropout": 0.2},
        sizes=(16, 32),
        quantile=0.5,
        **_SEARCHED,
        untrimmednet={**_SMALL, "max_epochs": 80, "dropout": 0.2},
        stpn={"max_epochs": 60, "batch_size": 16, "lr": 1e-3},
        wtalc={"max_epochs": 60, "batch_size": 16, "lr": 1e-3, "hidden_size": 64},
    ),
}
