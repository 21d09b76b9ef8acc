"""Several coroutines side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred, FirstError, gatherResults

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable


async def together(coroutines: Iterable[Coroutine[Deferred[object], object, None]]) -> None:
    """Run them all to their end; raise what the first of them raises, as soon as it does."""
    try:
        await gatherResults([Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True)
    except FirstError as error:
        raise cast("Exception", error.subFailure.value) from None
