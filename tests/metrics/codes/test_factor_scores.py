"""All scores at once are those of each, for an encoder that knows the factors and for one that knows nothing."""

import numpy as np
import pytest
import torch

from gan_ext.metrics import FactorScores, factor_scores, irs, mig


class Numbers:
    """Factors that are their own data."""

    sizes = (3, 3, 4)

    def render(self, factors: torch.Tensor) -> torch.Tensor:
        return factors.float()

    def sample_factors(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        return torch.stack([torch.randint(size, (n,), generator=generator) for size in self.sizes], 1)


MIXED = torch.linalg.qr(torch.tensor(np.random.default_rng(4).normal(size=(3, 3))).float())[0]
FEW = {"votes": 90, "rows": 400, "dci_rows": 150}


def test_true_factors_reach_the_ends_and_noise_does_not() -> None:
    found = factor_scores(lambda x: x, Numbers(), **FEW)
    assert (found.factor_vae, found.beta_vae) == (1, 1)
    assert min(found.mig, found.dci, found.completeness, found.informativeness, found.modularity) > 0.85
    assert np.argmax(found.importances, 0).tolist() == [0, 1, 2]
    assert np.argmax(found.information, 0).tolist() == [0, 1, 2]
    codes = Numbers().sample_factors(400, torch.Generator().manual_seed(1))
    assert (found.mig, found.irs) == (mig(codes, codes), irs(codes, codes))
    noise = np.random.default_rng(0)
    lost = factor_scores(lambda x: noise.standard_normal((len(x), 3)), Numbers(), **FEW)
    assert lost.mig < 0.1
    assert lost.factor_vae < 0.7
    assert list(found.named())[:4] == ["FactorVAE", "BetaVAE", "MIG", "SAP"]
    assert found.named()["DCI, informativeness"] == found.informativeness


def test_it_is_a_function_of_its_seed() -> None:
    def scores(random_state: int) -> FactorScores:
        return factor_scores(lambda x: x @ MIXED, Numbers(), votes=30, rows=60, dci_rows=60, random_state=random_state)

    assert scores(3) == scores(3)
    assert scores(3) != scores(4)
    with pytest.raises(ValueError, match="random_state=-1 must be an integer"):
        scores(-1)
