"""InfoGAN as an estimator: scikit-learn's rules, codes set and read, labels, errors."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gan_ext import InfoGAN


@parametrize_with_checks([InfoGAN(max_iter=60, hidden_layer_sizes=(32,), unlabeled=None, device="cpu")])
def test_scikit_learn_finds_no_fault(estimator, check) -> None:  # type: ignore[no-untyped-def]
    check(estimator)
