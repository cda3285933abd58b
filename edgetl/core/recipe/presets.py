"""The presets of a recipe: a summary, and the values that differ from the defaults."""

from edgetl.core.recipe.tables import Tables

# Name → (summary, table → key → value).
PRESETS: dict[str, tuple[str, Tables]] = {
    "default": ("light augmentation, a head without hidden layer, the top third of the base fine-tuned", {}),
    "classic": (
        "the recipe of textbooks: Dense(512), Adam 5e-4 then 5e-5, 12 + 10 epochs, the head and the last three layers "
        "of the base fine-tuned, the head alone where these layers have no weights",
        {
            "photos": {"fit": "stretch"},
            "head": {"hidden_units": 512, "dropout": 0.0},
            "augment": {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0},
            # `base.trainable = True` and `fit` train BatchNormalization in this mode. 0.999 is the momentum of
            # keras.applications.MobileNetV2.
            "training": {"patience": 0, "batch_norm": "training", "batch_norm_momentum": 0.999},
            "phase1": {"epochs": 12, "learning_rate": 5e-4},
            "phase2": {"epochs": 10, "learning_rate_ratio": 0.1, "unfreeze": "-3"},
        },
    ),
    "thorough": (
        "up to ten times the time of default: the side of the base's weights, 16 views of each photo, 32 + 20 epochs "
        "whose rate decays, at three times the rate in phase 2, and weights averaged over the last epochs",
        {
            # 0 is the side of the base's weights.
            "base": {"side_px": 0},
            "augment": {"views": 16},
            "training": {
                "patience": 0,
                "schedule": "cosine",
                "warmup": 0.1,
                "average_epochs": 2.0,
                "epoch_choice": "last",
            },
            "phase1": {"epochs": 32},
            "phase2": {"epochs": 20, "learning_rate_ratio": 0.3},
        },
    ),
    "digits": (
        "handwritten digits without a download: a small base with weights learned from drawn images, half of "
        "the photos for the test",
        {
            "base": {"alpha": 0.35, "side_px": 64, "weights": "formula"},
            "photos": {"validation": 0.1, "test": 0.5},
            # No flip: a mirrored digit is no digit.
            "augment": {"flip": False, "shift": 0.05, "zoom": 0.05, "views": 10},
            "training": {"patience": 0},
            "phase1": {"epochs": 3},
            "phase2": {"epochs": 10, "learning_rate_ratio": 1.0},
            "contract": {"limit_drop": 0.01},
        },
    ),
}
