"""Fourier features are the sines and cosines they say."""

import pytest
import torch

from gan_ext.nets import FourierFeatures


def test_features_are_on_circles_and_kept_in_the_state() -> None:
    torch.manual_seed(0)
    layer = FourierFeatures(2, 5, 3.0)
    x = torch.randn(7, 2)
    out = layer(x)
    assert out.shape == (7, layer.outputs) == (7, 12)
    torch.testing.assert_close(out[:, :2], x)
    torch.testing.assert_close(out[:, 2:7].square() + out[:, 7:].square(), torch.ones(7, 5))
    other = FourierFeatures(2, 5, 3.0)
    assert not torch.equal(other(x), out)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), out)


def test_scale_is_the_deviation_of_the_projections() -> None:
    torch.manual_seed(0)
    assert FourierFeatures(4, 5000, 3.0).projections.std().item() == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize(("count", "scale"), [(0, 1.0), (3, 0.0)])
def test_bad_numbers_are_refused(count: int, scale: float) -> None:
    with pytest.raises(ValueError, match=f"count={count}, scale={scale}"):
        FourierFeatures(2, count, scale)
