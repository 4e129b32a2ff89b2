"""GANs for few labels, discrete sequences and codes that can be steered.

The three nouns are :class:`Game` (what is played), turns (who moves when) and :class:`Engine` (the one training loop);
most users start with an estimator: :class:`SemiSupervisedGANClassifier`,
:class:`SequenceGAN`, :class:`InfoGAN` or :class:`ConditionalGAN`.

A name is loaded when it is first asked for, so that ``import gan_ext`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_ext.doctor import Diagnosis, Watch, diagnose
    from gan_ext.engine import Compute, Engine
    from gan_ext.estimators import (
        CodeReport,
        ConditionalGAN,
        DeadCodeWarning,
        Evaluation,
        InfoGAN,
        PlugAndPlayGAN,
        SeedEnsembleClassifier,
        SemiSupervisedGANClassifier,
        SemiSupervisedProtocol,
        SequenceGAN,
        SteeredSequenceGAN,
        evaluate,
        report_codes,
    )
    from gan_ext.game import Game, Loss, Player, TwoPlayerGame

__all__ = [
    "CodeReport",
    "Compute",
    "ConditionalGAN",
    "DeadCodeWarning",
    "Diagnosis",
    "Engine",
    "Evaluation",
    "Game",
    "InfoGAN",
    "Loss",
    "Player",
    "PlugAndPlayGAN",
    "SeedEnsembleClassifier",
    "SemiSupervisedGANClassifier",
    "SemiSupervisedProtocol",
    "SequenceGAN",
    "SteeredSequenceGAN",
    "TwoPlayerGame",
    "Watch",
    "__version__",
    "diagnose",
    "evaluate",
    "report_codes",
]

__version__ = "0.1.0"

if not TYPE_CHECKING:  # a type checker reads the imports above, and so finds names that are not there
    _ELSEWHERE = {
        "doctor": {"Diagnosis", "Watch", "diagnose"},
        "engine": {"Compute", "Engine"},
        "game": {"Game", "Loss", "Player", "TwoPlayerGame"},
    }

    def __getattr__(name: str) -> object:
        """Load a public name, or a room such as ``gan_ext.metrics``, when it is first asked for."""
        if name in __all__:
            room = next((room for room, names in _ELSEWHERE.items() if name in names), "estimators")
            value = getattr(import_module(f"gan_ext.{room}"), name)
            globals()[name] = value
            return value
        if not name.startswith("_"):
            try:
                return import_module(f"gan_ext.{name}")
            except ModuleNotFoundError as error:
                if error.name != f"gan_ext.{name}":
                    raise
        raise AttributeError(f"module 'gan_ext' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
