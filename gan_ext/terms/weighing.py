"""How a game adds up the terms that it is given: sorted by player, their views judged in one pass, weighed."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from gan_ext.terms.term import GeneratorTerm, Scene, Term, View

__all__ = ["named_terms", "sorted_terms", "term_views", "view_data", "weigh_terms"]


def sorted_terms(
    terms: Sequence[Term | GeneratorTerm], discriminator: nn.Module
) -> tuple[nn.ModuleDict, nn.ModuleDict]:
    """Return the terms of the discriminator, attached to it, and those of the generator, by their names.

    Raises:
        ValueError: one is no term, two have the same name, or a network that a term reads is taught by nobody.
    """
    for term in terms:
        if not isinstance(term, (Term, GeneratorTerm)):
            raise ValueError(f"terms needs objects of gan_ext.terms, such as MeanTeacher(), got {term!r}.")
    names = [term.name for term in terms]
    if len(set(names)) != len(names):
        raise ValueError(f"terms must differ, got {names}.")
    own = {term.name: term for term in terms if isinstance(term, Term)}
    others = nn.ModuleDict({term.name: term for term in terms if isinstance(term, GeneratorTerm)})
    taught = {id(value) for value in others.parameters()}
    for term in own.values():
        if any(
            value.requires_grad and id(value) not in taught for net in term.borrowed() for value in net.parameters()
        ):
            raise ValueError(
                f"The encoder of {type(term).__name__} is taught by nobody; add VariationalEntropy(encoder) with the "
                "same one, or freeze it with requires_grad_(False) if it has been trained."
            )
        term.attach(discriminator)
    return nn.ModuleDict(own), others


def term_views(terms: nn.ModuleDict, scene: Scene) -> dict[str, View | None]:
    """Return what each of the discriminator's terms wants judged besides."""
    return {name: term.view(scene) for name, term in named_terms(terms)}


def view_data(views: dict[str, View | None]) -> list[Tensor]:
    """Return the data of those views that bring any."""
    return [view.data for view in views.values() if view is not None and view.data is not None]


def weigh_terms(
    terms: nn.ModuleDict, views: dict[str, View | None], real: Tensor, judged: Sequence[Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of the terms, and each by its name.

    Args:
        terms: the discriminator's terms.
        views: what :func:`term_views` returned.
        real: class logits of the unlabeled data [U, K].
        judged: class logits of the views, in the terms' order.
    """
    total, values, left = real.new_zeros((), dtype=torch.float32), {}, iter(judged)
    for name, term in named_terms(terms):
        view = views[name]
        guide = real if view is None or view.guide is None else view.guide
        values[name] = term(guide, None if view is None or view.data is None else next(left))
        total = total + term.weight * values[name]
    return total, values


def named_terms(terms: nn.ModuleDict) -> list[tuple[str, Any]]:
    """Return a game's terms by their names, typed as what they are: modules that are called."""
    return cast("list[tuple[str, Any]]", list(terms.items()))
