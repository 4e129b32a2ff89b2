"""Writing on over windows: a model that counts goes on counting across windows, in which it knows half a window."""

import pytest
import torch

from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import SequenceModel, write_on


class Counting(SequenceModel):
    """Writes n + 1 after n (after 9 comes 0), and an end of 10 once a sequence has its `length` - 1 tokens."""

    def __init__(self, length, end=None):
        super().__init__(12, length, end=end, pad=11)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def initial(self, batch, labels=None):
        return (torch.zeros(batch, dtype=torch.int64),)

    def step(self, token, state):
        (place,) = state
        wanted = torch.where(token < 10, (token + 1) % 10, torch.zeros_like(token))
        if self.end is not None:
            wanted = torch.where(place == self.length - 1, torch.full_like(wanted, self.end), wanted)
        return 50.0 * torch.nn.functional.one_hot(wanted, 12), (place + 1,)


@pytest.mark.parametrize("end", [None, 10])
def test_it_goes_on_where_a_window_stopped(end):
    model = Counting(8, end)
    written = write_on(model, torch.tensor([3]), windows=3)
    assert written.tolist() == [(3 + i) % 10 for i in range(len(written))]
    first = 8 if end is None else 7
    assert len(written) == first + 2 * (first - 4)  # later windows know four tokens


def test_a_long_beginning_is_kept_whole():
    model = LSTMGenerator(5, 6, embedding=4, hidden=4)
    begin = torch.randint(0, 5, (40,))
    written = write_on(model, begin, windows=2, temperature=0.5)
    assert written[:40].equal(begin)
    assert len(written) == 40 + 2 * 3
    assert model.training  # as it was
    for wrong in (torch.zeros(0, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64)):
        with pytest.raises(ValueError, match="at least one"):
            write_on(model, wrong)
