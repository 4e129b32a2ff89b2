"""Probe: generated samples beside fixed real ones: coverage, distance, modes, near-copies of training data."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gan_ext.metrics import density_coverage, sliced_wasserstein
from gan_ext.metrics.samples.distances import nearest_squares
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["Features", "Modes", "Probe"]

Features = Callable[[Tensor], Tensor]
"""A function from samples [n, ...] to features [n, F]."""

Modes = Callable[[Tensor], Tensor]
"""A function from samples [n, ...] to the numbers of their modes [n], integers from 0; below 0 for none."""

_LLOYD = 10  # rounds of k-means; the cells only need to be small and apart
_DIRECTIONS = 64  # of the sliced distance: its error is an eighth of its spread over directions
_WATCHED = 3  # fixed directions along which the mean of samples is recorded
_NEIGHBORS = 5  # of the density and coverage of Naeem et al. (2020)


class Probe:
    """Fixed rows of real data, and what can be said of samples beside them.

    Args:
        real: data that the generator learns from [N, ...]; copies are looked for in all of it.
        held_out: data of the same kind that it does not learn from [H, ...], or None.
        n: rows that coverage, distance and cells are measured with.
        cells: of k-means, when there are no modes.
        features: where distances are measured; the numbers of a sample as they are, if None.
        modes: names the mode of samples; cells of k-means if None.
        random_state: of rows, cells and directions.
    """

    def __init__(
        self,
        real: Tensor,
        held_out: Tensor | None,
        n: int,
        cells: int,
        features: Features | None,
        modes: Modes | None,
        random_state: RandomStateLike,
    ) -> None:
        self._draws = torch.Generator().manual_seed(as_seed(random_state))
        self.features, self.modes = features, modes
        self.training = self._read(real)
        rows = torch.randperm(len(real), generator=self._draws)[:n].to(real.device)
        self.data, self.rows = real[rows], self.training[rows]
        self.scale = max(float(self.rows.var(0).sum().sqrt()), 1e-12)
        self.centers = None if modes is not None else self._cells(min(cells, len(rows)))
        self.real_shares = self._shares(self.data, self.rows, 0)
        width = self.rows.shape[1]
        drawn = torch.randn(min(_WATCHED, width), width, generator=self._draws)
        self.directions = torch.linalg.qr(drawn.T)[0].T.to(self.rows)
        self.variety = _nearest_other(self.rows)
        self.held_out = None if held_out is None else self._to_training(self._read(held_out))

    def scores(self, samples: Tensor) -> dict[str, float]:
        """Return what samples [n, ...] are like beside the real ones, all without unit; nothing if not finite."""
        x = self._read(samples)
        if not bool(x.isfinite().all()):
            return {}
        found: dict[str, float] = {}
        found["density"], found["coverage"] = density_coverage(self.rows, x, min(_NEIGHBORS, len(self.rows) - 1))
        found["spread"] = float(x.var(0).sum().sqrt()) / self.scale
        found["variety"] = _nearest_other(x[: len(self.rows)]) / max(self.variety, 1e-12)
        each = self.scale / self.rows.shape[1] ** 0.5
        found["distance"] = sliced_wasserstein(self.rows, x, _DIRECTIONS) / each
        places = (self.directions @ (x.mean(0) - self.rows.mean(0)) / each).tolist()
        found |= {f"mean/{number}": place for number, place in enumerate(places)}
        shares = self._shares(samples, x, len(self.real_shares))
        found |= {f"share/{number}": float(share) for number, share in enumerate(shares)}
        found |= {f"real/{number}": float(share) for number, share in enumerate(self.real_shares)}
        return found | self._copies(x)

    def _read(self, samples: Tensor) -> Tensor:
        found = samples if self.features is None else self.features(samples)
        return found.detach().flatten(1).float()

    def _shares(self, samples: Tensor, rows: Tensor, least: int) -> Tensor:
        """Return the share of samples in each cell or mode; those of no mode are in none."""
        if self.modes is None:
            assert self.centers is not None
            named = nearest_squares(rows, self.centers)[1][:, 0]
        else:
            named = torch.as_tensor(self.modes(samples)).flatten()
        inside = named[(named >= 0) & (named < least if least else named >= 0)]
        return torch.bincount(inside.cpu().long(), minlength=least).double() / len(samples)

    def _cells(self, cells: int) -> Tensor:
        """Return centers of k-means, begun at rows that are far from one another."""
        chosen = [0]
        for _ in range(1, cells):
            chosen.append(int(nearest_squares(self.rows, self.rows[chosen])[0][:, 0].argmax()))
        centers = self.rows[chosen]
        for _ in range(_LLOYD):
            near = nearest_squares(self.rows, centers)[1][:, 0]
            means = [self.rows[near == cell].mean(0) if bool((near == cell).any()) else centers[cell]
                     for cell in range(len(centers))]  # fmt: skip
            centers = torch.stack(means)
        return centers

    def _to_training(self, rows: Tensor) -> tuple[float, float]:
        """Return the median distance of rows to the training data, and the share of near-copies among them.

        A near-copy is closer to its nearest training sample than that one is to any other.
        """
        squares, found = nearest_squares(rows, self.training)
        own = nearest_squares(self.training[found[:, 0]], self.training, 2)[0][:, 1]
        return float(squares[:, 0].median().sqrt()), float((squares[:, 0] < own).double().mean())

    def _copies(self, x: Tensor) -> dict[str, float]:
        if self.held_out is None:
            return {}
        near, copies = self._to_training(x)
        usual, usual_copies = self.held_out
        return {"nearness": near / max(usual, 1e-12), "copies": copies, "held_out_copies": usual_copies}


def _nearest_other(rows: Tensor) -> float:
    """Return the median distance of rows to their nearest other row."""
    found: Any = nearest_squares(rows, rows, same=True)[0][:, 0].median().sqrt()
    return float(found)
