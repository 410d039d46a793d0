"""What several test files set up."""

import pytest


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One folder of machine code for the tests of a file."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PKPD_CACHE", str(folder))
        yield folder
