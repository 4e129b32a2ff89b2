"""MMD and KID: the definition, no bias, another library; sliced Wasserstein: sorting, shifts, sizes."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import nn

from gan_ext.metrics import gaussian_kernel, kernel_distance, mmd, polynomial_kernel, sliced_wasserstein
from gan_ext.metrics.samples import kernels


def draws(seed=0):
    return np.random.default_rng(seed)


def by_loops(x, g, k):
    xx = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    gg = [k(a, b) for i, a in enumerate(g) for j, b in enumerate(g) if i != j]
    return np.mean(xx) + np.mean(gg) - 2 * np.mean([k(a, b) for a in x for b in g])


def test_mmd_is_its_definition_in_blocks(monkeypatch):
    monkeypatch.setattr(kernels, "_ROWS", 5)
    x, g = draws().normal(size=(17, 4)), draws(1).normal(size=(13, 4)) + 0.5
    assert mmd(x, g) == pytest.approx(by_loops(x, g, lambda a, b: (a @ b / 4 + 1) ** 3), rel=1e-10)

    def gauss(a, b):
        square = np.square(a - b).sum()
        return np.mean([np.exp(-square / (2 * w * w)) for w in (0.5, 2)])

    assert mmd(x, g, gaussian_kernel(0.5, 2)) == pytest.approx(by_loops(x, g, gauss), rel=1e-10)


def test_the_linear_kernel_is_the_distance_of_means():
    # Unbiased, for k = x.y: |m_x - m_g|^2 less the traces of the covariances over n and m.
    x, g = draws().normal(size=(50, 3)), draws(1).normal(size=(40, 3)) + 1
    expected = np.square(x.mean(0) - g.mean(0)).sum() - x.var(0, ddof=1).sum() / 50 - g.var(0, ddof=1).sum() / 40
    assert mmd(x, g, polynomial_kernel(1, 1.0, 0.0)) == pytest.approx(expected, rel=1e-10)


def test_equal_distributions_have_zero_on_average_at_any_size():
    rng = draws()
    for n in (6, 40):
        found = np.array([kernel_distance(rng.normal(size=(n, 5)), rng.normal(size=(n, 5))).mean for _ in range(400)])
        assert abs(found.mean()) < 4 * found.std() / 20
        assert 0.3 < np.mean(found < 0) < 0.8


def test_subsets_of_everything_are_the_whole_and_others_scatter_about_it():
    x, g = draws().normal(size=(300, 6)), draws(1).normal(size=(300, 6)) + 0.3
    whole = kernel_distance(x, g)
    assert whole == (pytest.approx(mmd(x, g), rel=1e-12), 0)
    mean, deviation = kernel_distance(x, g, subsets=200, subset_size=60)
    assert mean == pytest.approx(whole.mean, abs=4 * deviation / 200**0.5)
    assert deviation > 0
    assert kernel_distance(torch.tensor(x), g, 3, 60, random_state=1) == kernel_distance(x, g, 3, 60, random_state=1)


class Identity(nn.Module):
    """Passes features through; torchmetrics asks for their number."""

    num_features = 12

    def forward(self, x):
        return x


@pytest.mark.filterwarnings("ignore:Metric `.*` will save all:UserWarning")
def test_torchmetrics_says_the_same():
    image = pytest.importorskip("torchmetrics.image.kid", reason="needs the extra `test`")
    a, b = (torch.tensor(draws(s).normal(size=(80, 12)) + s) for s in (0, 1))
    theirs = image.KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=80)
    theirs.update(a, real=True)
    theirs.update(b, real=False)
    assert kernel_distance(a, b).mean == pytest.approx(float(theirs.compute()[0]), rel=1e-6)


def test_along_one_direction_it_is_a_matter_of_sorting():
    x, g = draws().normal(size=(70, 1)), draws(1).exponential(size=(41, 1))
    assert sliced_wasserstein(x, g, 1, order=1) == pytest.approx(wasserstein_distance(x[:, 0], g[:, 0]), rel=1e-12)
    assert sliced_wasserstein(x, x + 3, 5) == pytest.approx(3, rel=1e-12)


def test_sliced_distance_of_a_shift_of_copies_and_of_sizes():
    x, shift = draws().normal(size=(200, 6)), np.array([2.0, 0, 0, 0, 0, 0])
    assert sliced_wasserstein(x, x + shift, 4000) == pytest.approx(2 / 6**0.5, rel=0.05)
    assert sliced_wasserstein(x, x) == 0
    twice = np.concatenate([x, x])
    assert sliced_wasserstein(x, twice) == pytest.approx(0, abs=1e-12)
    assert sliced_wasserstein(twice, x + shift, random_state=3) == pytest.approx(
        sliced_wasserstein(x, x + shift, random_state=3)
    )


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda x: mmd(x[:1], x), "real must have at least 2 rows, got 1"),
        (lambda x: kernel_distance(x, x, subsets=0), "subsets=0 must be an integer, at least 1"),
        (lambda x: kernel_distance(x, x, subset_size=1), "subset_size=1 must be an integer, at least 2"),
        (lambda x: polynomial_kernel(0), "degree=0 must be an integer"),
        (lambda x: gaussian_kernel(), "one or more positive widths"),
        (lambda x: gaussian_kernel(1.0, 0.0), "one or more positive widths"),
        (lambda x: sliced_wasserstein(x, x, 0), "directions=0 must be an integer"),
        (lambda x: sliced_wasserstein(x, x, order=0.5), r"order=0\.5 must be at least 1"),
        (lambda x: sliced_wasserstein(x, x[:, :2]), "features of one width, got 3 and 2"),
    ],
)
def test_errors_are_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(draws().normal(size=(9, 3)))
