"""What several test files set up."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run every so many-th of the tests that are chosen")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Every n-th test, for a Python on which CI has no time for all."""
    every = config.getoption("--every")
    if every > 1:
        config.hook.pytest_deselected(items=[item for i, item in enumerate(items) if i % every])
        items[:] = items[::every]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One folder of machine code for the tests of a file."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PKPD_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def cuda_library(tmp_path_factory):
    """The driver of a card that is not there; see `fake_cuda`."""
    from fake_cuda import fake_cuda
    from ptx_simulator import needs_gcc

    needs_gcc()
    return fake_cuda(tmp_path_factory.mktemp("cuda"))


@pytest.fixture
def card(cuda_library, monkeypatch):
    """A card of two processors, each of which holds 64 threads; all of its memory must be given back."""
    from fake_cuda import forget_cards

    from pkpd.solvers.compiled.cuda import open_card

    cuda_library.set(memory=2**30, processors=2, major=9, minor=0, devices=1)
    forget_cards(monkeypatch, str(cuda_library.folder / "libcuda.so.1"))
    yield cuda_library
    assert cuda_library.rooms == 0
    open_card.cache_clear()
