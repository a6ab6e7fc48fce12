"""What the local model's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models_local.sample import SampleDesk, sample_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleDesk]:
    made = sample_desk(tmp_path_factory.mktemp("desk"))
    yield made
    made.index.close()
