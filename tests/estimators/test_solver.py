"""Any estimator is played by any solver."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from gan_ext import ConditionalGAN, InfoGAN, SemiSupervisedGANClassifier
from gan_ext.engine import (
    CompetitiveGradientDescent,
    Consensus,
    Extragradient,
    Lookahead,
    Momentum,
    Optimistic,
    Solver,
    SymplecticAdjustment,
    Unrolled,
)

SOLVERS = [
    Extragradient(),
    Optimistic(),
    Momentum(-0.3),
    Consensus(0.1),
    SymplecticAdjustment(0.1),
    CompetitiveGradientDescent(1),
    Lookahead(every=2),
    Unrolled(1, 0.01),
]
SMALL: dict[str, Any] = {"max_iter": 3, "batch_size": 8, "random_state": 0}
ESTIMATORS = [
    SemiSupervisedGANClassifier(**SMALL, labeled_batch_size=4, hidden_layer_sizes=(8, 8)),
    InfoGAN(**SMALL),
    ConditionalGAN(**SMALL),
]
rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(-2, 1, (20, 3)), rng.normal(2, 1, (20, 3))])
Y = np.repeat([0, 1], 20)


def fitted(estimator: Any, solver: Solver | None) -> Any:
    return clone(estimator).set_params(solver=solver).fit(X, Y)


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.filterwarnings("ignore:y has no unlabeled sample")
def test_every_solver_plays_every_estimator(estimator: Any, solver: Solver) -> None:
    model, plain = fitted(estimator, solver), fitted(estimator, None)
    assert model.n_iter_ == 3
    weights, others = (dict(each.game_.named_parameters()) for each in (model, plain))
    assert all(bool(value.isfinite().all()) for value in weights.values())
    assert any(not bool((value == others[name]).all()) for name, value in weights.items())
