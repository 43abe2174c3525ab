"""Every test begins without earlier attempts: they are counted in Redis."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    cache.clear()
