"""All usual scores of an encoder against known factors at once, and which code knows which factor."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gan_ext.metrics.codes.disentanglement import beta_vae_score, factor_vae_score, irs
from gan_ext.metrics.codes.factor_information import mig, modularity, mutual_information
from gan_ext.metrics.codes.factor_prediction import dci, explicitness, sap
from gan_ext.metrics.codes.interventions import EncodingFunction, FactorInterventions
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["DrawnFactors", "FactorScores", "factor_scores"]

_BLOCK = 2000


class DrawnFactors(Protocol):
    """Data that are a function of factors which can be drawn, such as :class:`gan_ext.data.Sprites`."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor."""

    def render(self, factors: Tensor) -> Tensor:
        """Return the data [n, ...] of factors int64 [n, k]."""

    def sample_factors(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw factors int64 [n, k] uniformly."""


class FactorScores(NamedTuple):
    """Scores in [0, 1], higher is better; then the matrices [codes, factors] of DCI's importances and of nats."""

    factor_vae: float
    beta_vae: float
    mig: float
    sap: float
    dci: float
    modularity: float
    explicitness: float
    irs: float
    completeness: float
    informativeness: float
    importances: tuple[tuple[float, ...], ...]
    information: tuple[tuple[float, ...], ...]

    def named(self) -> dict[str, float]:
        """Return the scores by the names that tables show."""
        return {
            "FactorVAE": self.factor_vae, "BetaVAE": self.beta_vae, "MIG": self.mig, "SAP": self.sap, "DCI": self.dci,
            "modularity": self.modularity, "explicitness": self.explicitness, "IRS": self.irs,
            "DCI, completeness": self.completeness, "DCI, informativeness": self.informativeness,
        }  # fmt: skip


def factor_scores(
    encode: EncodingFunction,
    data: DrawnFactors,
    *,
    votes: int = 15_000,
    rows: int = 10_000,
    dci_rows: int = 15_000,
    device: torch.device | str = "cpu",
    random_state: RandomStateLike = 0,
) -> FactorScores:
    """Return the scores of FactorVAE and BetaVAE, MIG, SAP, DCI, modularity, explicitness and IRS of an encoder.

    The defaults are what published figures have; DCI then takes minutes on a processor, and with fewer rows it is
    lower.  How each is made, and which end it has, is told by the function of its name.

    Args:
        encode: maps data to codes [n, d] with d >= 2.
        data: known factors.
        votes: batches of the scores of FactorVAE and BetaVAE, two thirds of them for training.
        rows: samples of all others but DCI.
        dci_rows: samples of DCI, two thirds of them for training.
        device: where data are rendered.
        random_state: seed of all draws.

    Raises:
        ValueError: too few votes or rows, or codes that cannot be scored.
    """
    seed, source = as_seed(random_state), FactorInterventions(data, device)
    factors = data.sample_factors(max(rows, dci_rows), torch.Generator().manual_seed(seed + 1))
    parts = [torch.as_tensor(encode(data.render(part.to(device)))).cpu() for part in factors.split(_BLOCK)]
    codes = torch.cat(parts)
    some, known, train, left = codes[:rows], factors[:rows], 2 * votes // 3, votes - 2 * votes // 3
    trees = dci(codes[:dci_rows], factors[:dci_rows], random_state=seed)
    return FactorScores(
        factor_vae=factor_vae_score(encode, source, train=train, evaluation=left, random_state=seed).score,
        beta_vae=beta_vae_score(encode, source, train=train, evaluation=left, random_state=seed).score,
        mig=mig(some, known),
        sap=sap(some, known, random_state=seed),
        dci=trees.disentanglement,
        modularity=modularity(some, known),
        explicitness=explicitness(some, known, random_state=seed),
        irs=irs(some, known),
        completeness=trees.completeness,
        informativeness=trees.informativeness,
        importances=trees.importances,
        information=tuple(map(tuple, mutual_information(some, known).tolist())),
    )
