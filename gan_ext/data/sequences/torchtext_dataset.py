"""Datasets of torchtext 0.6 as corpora."""

from typing import Any

from gan_ext.data.sequences.vocabulary import SPECIALS, Vocab, as_vocab

__all__ = ["torchtext_dataset"]

_, UNK, _, _ = SPECIALS


def torchtext_dataset(dataset: Any) -> tuple[list[Any], Vocab | None]:
    """Return the items of a dataset of torchtext 0.6, and the vocabulary of its field if that has one."""
    texts = [name for name, field in dataset.fields.items() if getattr(field, "sequential", False)]
    labels = [name for name, field in dataset.fields.items() if getattr(field, "sequential", None) is False]
    if len(texts) != 1 or len(labels) > 1:
        raise ValueError(
            f"The dataset has the text fields {texts} and the label fields {labels}; with other than one text and at "
            f"most one label choose yourself: [(example.label, example.text) for example in dataset.examples]."
        )
    field, examples = dataset.fields[texts[0]], dataset.examples
    items = [getattr(example, texts[0]) for example in examples]
    if labels:
        items = [(getattr(example, labels[0]), item) for example, item in zip(examples, items, strict=True)]
    return items, _field_vocabulary(field) if getattr(field, "vocab", None) is not None else None


def _field_vocabulary(field: Any) -> Vocab:
    """Return a field's vocabulary; what the field calls its special tokens takes our names and keeps its numbers."""
    own = as_vocab(field.vocab)
    theirs = (field.pad_token, field.unk_token, field.init_token, field.eos_token)
    names = {name: ours for name, ours in zip(theirs, SPECIALS, strict=True) if ours not in own}
    renamed = Vocab([names.get(token, token) for token in own.get_itos()], own.get_default_index())
    if renamed.get_default_index() is None and UNK in renamed:
        renamed.set_default_index(renamed[UNK])
    return renamed
