"""The presets of a recipe: what each is for, and the values in which it differs from the defaults."""

from edgetl.core.recipe.tables import Tables

PRESETS: dict[str, tuple[str, Tables]] = {
    "default": ("light augmentation, a plain head, the top third of the base fine-tuned", {}),
    "classic": (
        "the textbook recipe to the letter: Dense(512), Adam 5e-4 then 5e-5, 12 + 10 epochs, last three layers",
        {
            "photos": {"fit": "stretch"},
            "head": {"hidden_units": 512, "dropout": 0.0},
            "augment": {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0},
            # What `base.trainable = True` and `fit` do in Keras, with the momentum of its MobileNetV2.
            "training": {"patience": 0, "batch_norm": "training", "batch_norm_momentum": 0.999},
            "phase1": {"epochs": 12, "learning_rate": 5e-4},
            "phase2": {"epochs": 10, "learning_rate_ratio": 0.1, "unfreeze": "-3"},
        },
    ),
    "digits": (
        "the embedded default: a small network that has seen drawn images only, for handwritten digits, half of them "
        "test photos",
        {
            "base": {"alpha": 0.35, "side_px": 64, "weights": "formula"},
            "photos": {"validation": 0.1, "test": 0.5},
            "augment": {"flip": False, "shift": 0.05, "zoom": 0.05, "views": 10},
            "training": {"patience": 0},
            "phase1": {"epochs": 3},
            "phase2": {"epochs": 10, "learning_rate_ratio": 1.0},
            "contract": {"limit_drop": 0.01},
        },
    ),
}
