"""The published parameters of SeqGAN's synthetic oracle."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_ext.data.errors import DataError

__all__ = ["read_oracle"]


def read_oracle(folder: str | Path, flag: str = "--data") -> dict[str, Tensor]:
    """Read the arrays of seqgan_oracle.npz, for :func:`gan_ext.nets.published_oracle`.

    Args:
        folder: where it lies.
        flag: the option that gave the folder, for the error.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    try:
        with np.load(Path(folder) / "seqgan_oracle.npz", allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except FileNotFoundError as error:
        raise DataError(f"{flag} {folder} has no file seqgan_oracle.npz.") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"seqgan_oracle.npz of {flag} {folder} cannot be read ({error}).") from error
