"""The synthetic oracle: an LSTM of drawn parameters, or the very one that published figures were measured with."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gan_ext.nets.sequences.recurrent import LSTMGenerator

__all__ = ["oracle_generator", "published_oracle"]


def oracle_generator(vocabulary: int = 5000, length: int = 20, size: int = 32, seed: int = 0) -> LSTMGenerator:
    """Draw an oracle: an LSTM with all parameters from N(0, 1), start token 0, no closing token.

    Its figures are not comparable with those of another draw; log its entropy with every result.

    References: SeqGAN (Yu et al., 2017), section 4.1, https://arxiv.org/abs/1609.05473

    Args:
        vocabulary: number of tokens V.
        length: tokens of a sequence T.
        size: of embedding and memory.
        seed: decides the parameters.
    """
    oracle = LSTMGenerator(vocabulary, length, size, size)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.normal_(generator=draw)
    return oracle.eval().requires_grad_(False)


def published_oracle(arrays: Mapping[str, Tensor], length: int = 20) -> LSTMGenerator:
    """Build the oracle from the published parameters.

    Args:
        arrays: ``embedding`` [V, E]; input maps ``wi wf wc wo`` [E, H], recurrent maps ``ui uf uc uo`` [H, H] and
            biases ``bi bf bc bo`` [H] of input gate, forget gate, candidate and output gate; ``w_out`` [H, V] and
            ``b_out`` [V]; row vectors times matrices.
        length: tokens of a sequence T.

    Raises:
        ValueError: an array is missing or has another shape.
    """
    names = [f"{kind}{gate}" for kind in "wub" for gate in "ifco"]
    missing = sorted({"embedding", "w_out", "b_out", *names} - set(arrays))
    if missing:
        raise ValueError(f"The oracle's arrays lack {', '.join(missing)}; it has {', '.join(sorted(arrays))}.")
    (vocabulary, embedding), hidden = arrays["embedding"].shape, len(arrays["w_out"])
    oracle = LSTMGenerator(vocabulary, length, embedding, hidden)
    state = {
        "embedding.weight": arrays["embedding"],
        "inputs.0.weight": torch.cat([arrays[f"w{gate}"].t() for gate in "ifco"]),
        "inputs.0.bias": torch.cat([arrays[f"b{gate}"] for gate in "ifco"]),
        "recurrent.0.weight": torch.cat([arrays[f"u{gate}"].t() for gate in "ifco"]),
        "output.weight": arrays["w_out"].t(),
        "output.bias": arrays["b_out"],
    }
    for name, value in oracle.state_dict().items():
        if state[name].shape != value.shape:
            raise ValueError(f"{name} must have shape {tuple(value.shape)}, got {tuple(state[name].shape)}.")
    oracle.load_state_dict(state)
    return oracle.eval().requires_grad_(False)
