"""InfoGAN on real images: run by name, ``-m data``."""

import os
from pathlib import Path

import numpy as np
import pytest

from gan_ext import InfoGAN
from gan_ext.data import RandomAffine, read_mnist
from gan_ext.metrics import hungarian_accuracy


@pytest.mark.data
@pytest.mark.skipif("GAN_EXT_DATA" not in os.environ, reason="needs GAN_EXT_DATA")
def test_a_minute_of_mnist_finds_the_digits():
    data = read_mnist(Path(os.environ["GAN_EXT_DATA"]) / "mnist")
    x, x_test = ((images[:, None] / 255).astype(np.float32) for images in (data.x_train, data.x_test))
    model = InfoGAN(
        10,
        entropy=0.1,
        balance=0.4,
        augment=RandomAffine(),
        max_iter=700,
        precision="bfloat16",
        device="cpu",
        random_state=0,
    ).fit(x)
    assert hungarian_accuracy(data.y_test, model.predict(x_test)) > 0.85
    made = model.sample(500, codes={"category": np.arange(500) % 10}, random_state=0)
    assert (model.predict(made) == np.arange(500) % 10).mean() > 0.9
