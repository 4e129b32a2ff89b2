"""What the codes of an InfoGAN know of true factors: scores, pictures, and a choice that needs no factors."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_ext.data import FactorialImages
from gan_ext.engine import ensure_writable
from gan_ext.games import InfoGANGame
from gan_ext.metrics import (
    CodeInterventions,
    FactorInterventions,
    ModelCentrality,
    factor_scores,
    factor_vae_score,
    mig,
    model_centrality,
)
from gan_ext.pictures import draw_heatmap, draw_images, draw_traversals
from gan_ext.seeds import seeded

__all__ = ["FactorReport", "central_game", "quick_factor_scores", "report_factors"]

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class FactorReport:
    """Codes against true factors, which training never saw; :func:`report_factors` makes one.

    Args:
        factors: names of the k factors.
        scores: by the names that tables show, in [0, 1], higher is better.
        importances: of each code (row) for each factor, by DCI.
        information: mutual information of each code and factor, in nats.
    """

    factors: tuple[str, ...]
    scores: dict[str, float]
    importances: Matrix
    information: Matrix

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON knows it; ``FactorReport(**...)`` makes a report of it again."""
        return asdict(self)

    @property
    def names(self) -> list[str]:
        """Code 1, code 2, ..."""
        return [f"code {number + 1}" for number in range(len(self.importances))]

    @property
    def titles(self) -> list[str]:
        """The codes, each with the factor that it matters most for."""
        best = [self.factors[int(np.argmax(row))] for row in self.importances]
        return [f"{name}: mostly {factor}" for name, factor in zip(self.names, best, strict=True)]

    @property
    def tables(self) -> dict[str, tuple[NDArray[Any], list[str], list[str]]]:
        """Title to numbers [codes, factors] and the names of rows and columns, as a heat map shows them."""
        return {
            "importance of a code for a factor (DCI)": (np.array(self.importances), self.names, list(self.factors)),
            "mutual information of a code and a factor, nats": (
                np.array(self.information), self.names, list(self.factors),
            ),
        }  # fmt: skip

    def draw(self, folder: str | Path, game: InfoGANGame, images: FactorialImages, label: str) -> None:
        """Draw what each code does, which code knows which factor, and samples beside images of the data.

        Args:
            folder: gets ``traversals.png``, ``importances.png``, ``information.png`` and ``samples.png``.
            game: of one uniform code, whose generator draws.
            images: the data.
            label: of the run.
        """
        folder = ensure_writable(Path(folder))
        with seeded(0, device=device_of(game)):
            latents = game.draw(100)[0]
        columns = range(game.noise.dim, latents.shape[1])
        values = torch.linspace(*game.codes[game.codes.names[0]].span(), 10)
        moved = [game.traverse(latents[:4], column, values)[:, :, 0].cpu().numpy() for column in columns]
        draw_traversals(folder / "traversals.png", dict(zip(self.titles, moved, strict=True)), columns=2)
        for file, (title, table) in zip(("importances", "information"), self.tables.items(), strict=True):
            draw_heatmap(folder / f"{file}.png", *table, f"{label}: {title}", fmt="{:.2f}")
        real = images.render(images.sample_factors(100, torch.Generator().manual_seed(0))).numpy()
        with torch.no_grad():
            made = game.generator(latents).cpu().numpy()
        draw_images(folder / "samples.png", {"sprites": real, "generated": made})


def report_factors(
    game: InfoGANGame, images: FactorialImages, *, votes: int = 15_000, rows: int = 10_000, dci_rows: int = 15_000
) -> FactorReport:
    """Hold what Q reads from images against their true factors (:func:`gan_ext.metrics.factor_scores`).

    Args:
        game: of at least two codes.
        images: with known factors.
        votes: batches of the scores of FactorVAE and BetaVAE.
        rows: images of all other scores but DCI.
        dci_rows: images of DCI.
    """
    found = factor_scores(game.encode, images, votes=votes, rows=rows, dci_rows=dci_rows, device=device_of(game))
    return FactorReport(tuple(images.factor_names), found.named(), found.importances, found.information)


def quick_factor_scores(
    game: InfoGANGame, images: FactorialImages, votes: int = 400, rows: int = 4000
) -> dict[str, float]:
    """Return small versions of two scores, ``factor_vae`` and ``mig``, for a curve of training.

    Args:
        game: as in :func:`report_factors`.
        images: with known factors.
        votes: batches of the FactorVAE score, half of them for training.
        rows: images of MIG; half as many give the variance of each code.
    """
    device = device_of(game)
    factors = images.sample_factors(rows, torch.Generator().manual_seed(0))
    source = FactorInterventions(images, device)
    vote = factor_vae_score(game.encode, source, train=votes // 2, evaluation=votes // 2, variance=rows // 2)
    return {"factor_vae": vote.score, "mig": mig(game.encode(images.render(factors.to(device))), factors)}


def central_game(games: Sequence[InfoGANGame], votes: int = 1000, variance: int = 5000) -> ModelCentrality:
    """Return the game that agrees best with the others (:func:`gan_ext.metrics.model_centrality`); no factor is used.

    Args:
        games: alike, in evaluation mode; three for a choice that is not a tie.
        votes: batches for each pair, half of them for training.
        variance: images that give the variance of each code.
    """
    models = []
    for game in games:
        columns = [[game.noise.dim + code] for code in range(game.codes.dim)]
        source = CodeInterventions(_drawer(game), game.generator, columns, device_of(game))
        models.append((source, game.encode))
    return model_centrality(models, train=votes // 2, evaluation=votes // 2, variance=variance)


def device_of(game: InfoGANGame) -> torch.device:
    """Return where the networks are."""
    return next(game.parameters()).device


def _drawer(game: InfoGANGame) -> Callable[[int], Tensor]:
    return lambda n: game.draw(n)[0]
