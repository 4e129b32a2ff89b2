"""Randomness as a function of the step."""

import multiprocessing
import threading

import numpy as np
import pytest
import torch

from gan_ext.seeds import as_seed, kept_generators, mix, reseed, turns

CPU = torch.device("cpu")


def test_mix_is_the_same_on_every_machine() -> None:
    # The first output of SplitMix64 from state 0, as published with the algorithm, without its lowest bit.
    assert mix(0) == 0xE220A8397B1DCDAF >> 1


def test_mix_has_no_collisions_on_a_grid_and_depends_on_order() -> None:
    values = {mix(a, b, c) for a in range(-5, 20) for b in range(20) for c in range(20)}
    assert len(values) == 25 * 20 * 20
    assert all(0 <= value < 2**63 for value in values)
    assert mix(1, 2) != mix(2, 1)
    assert mix(1) != mix(1, 0)


def test_reseed_repeats_draws_and_separates_steps() -> None:
    def draw(*integers: int) -> torch.Tensor:
        reseed(CPU, *integers)
        return torch.randn(8)

    assert torch.equal(draw(3, 0, 1), draw(3, 0, 1))
    assert not torch.equal(draw(3, 0, 1), draw(3, 0, 2))
    assert not torch.equal(draw(3, 0, 1), draw(3, 1, 1))


def test_kept_generators_gives_the_state_back_even_after_an_error() -> None:
    before = torch.get_rng_state()
    try:
        with kept_generators(CPU):
            reseed(CPU, 1)
            torch.randn(3)
            raise KeyError
    except KeyError:
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_a_random_state_is_an_integer_or_draws_one() -> None:
    assert as_seed(3) == as_seed(np.int64(3)) == 3
    draws = np.random.RandomState(0)
    assert as_seed(np.random.RandomState(0)) == as_seed(draws) != as_seed(draws)
    assert len({as_seed(None) for _ in range(5)}) > 1
    for wrong in ("seed", 1.5, object(), True, -1, float("nan")):
        with pytest.raises(ValueError, match=r"random_state=.* must be an integer, a RandomState or None"):
            as_seed(wrong)  # type: ignore[arg-type]


def test_threads_that_draw_take_turns_and_one_may_enter_again() -> None:
    inside, order = threading.Event(), []

    def other() -> None:
        inside.wait(10)
        with kept_generators(CPU):
            order.append("other")

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    with kept_generators(CPU), kept_generators(CPU):
        inside.set()
        thread.join(0.05)
        assert thread.is_alive()
        order.append("first")
    thread.join(10)
    assert order == ["first", "other"]


def test_between_its_turns_a_long_work_lets_others_draw_and_the_state_comes_back() -> None:
    def other() -> None:
        with kept_generators(CPU):
            reseed(CPU, 3)

    before = torch.get_rng_state()
    with turns(CPU) as alone:
        with alone:
            reseed(CPU, 1)
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        between = torch.get_rng_state()
        with turns(CPU) as nested, nested:
            reseed(CPU, 2)
        assert torch.equal(torch.get_rng_state(), between)
        assert not torch.equal(between, before)
    assert torch.equal(torch.get_rng_state(), before)


def _draw_in_child() -> None:
    with kept_generators(CPU):
        reseed(CPU, 0)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_process_forked_while_a_thread_draws_can_draw_too() -> None:
    inside, done = threading.Event(), threading.Event()

    def draw() -> None:
        with kept_generators(CPU):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    inside.wait(10)
    child = multiprocessing.get_context("fork").Process(target=_draw_in_child)
    child.start()
    child.join(20)
    code = child.exitcode
    if code is None:
        child.kill()
    done.set()
    thread.join(10)
    assert code == 0, "the child waits for a thread that it does not have"
