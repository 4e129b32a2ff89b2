"""Top-k training: which generated samples the generator learns from."""

from torch import Tensor

__all__ = ["best_gradients"]


def best_gradients(logits: Tensor, share: Tensor | float) -> Tensor:
    r"""Return the logits, with gradients for the highest ones only.

    A mean over B samples of any function of a logit then has the gradient of the mean over the k highest,

    .. math:: k = \lceil s B \rceil

    (the others have none, and these are multiplied by B / k); its value is that of all samples.  The shape does not
    depend on s, which may be annealed.

    References: Top-k Training of GANs (Sinha et al., 2020), https://arxiv.org/abs/2002.06224 (s falls from 1 to 0.5)

    Args:
        logits: of generated data, any shape.
        share: s in (0, 1].
    """
    flat, held = logits.flatten(), logits.detach()
    places = flat.detach().argsort(descending=True).argsort()
    count = logits.new_full((), flat.numel()).mul(share).ceil().clamp(1, flat.numel())
    kept = (places < count).view_as(logits) * (flat.numel() / count)
    return held + (logits - held) * kept.to(logits.dtype)
