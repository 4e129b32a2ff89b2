"""The options of a recipe that fits a generator of molecules, as SMILES."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_ext.runs.options import Options

__all__ = ["MoleculeOptions"]


@dataclass
class MoleculeOptions(Options):
    """Options of a recipe that fits a generator of molecules."""

    data: Path | None = None
    """A file of SMILES, or a folder of such files; molecules that come with the recipe if not given."""
    max_length: int = 64
    """Longer molecules, in tokens, are left out."""
    batch_size: int = 64
    """Molecules of a step."""
    hidden: int = 256
    """Size of the generator's memory."""
    learning_rate: float = 5e-3
    """Of maximum likelihood, falling to 0."""

    def usual(self, name: str, own: int, otherwise: int) -> int:
        """Return a number that was given by hand; if none was, the one for data of one's own, or the other."""
        given: int | None = getattr(self, name)
        return (own if self.data else otherwise) if given is None else given

    def fitting(self, part: str) -> dict[str, Any]:
        """Return arguments of :class:`gan_ext.SequenceGAN` for a fit of which nothing is held out.

        Args:
            part: names the folder of its checkpoints.
        """
        return {
            "tokenizer": "smiles",
            "max_length": self.max_length,
            "batch_size": self.batch_size,
            "likelihood_learning_rate": self.learning_rate,
            "validation_fraction": 0.0,
            "device": self.device,
            "checkpoint": self.fits / part,
            "random_state": self.seed,
        }
