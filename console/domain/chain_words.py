"""How a chain of roles, and what came near one, is told: words for every face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.domain.scope_search import How

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.domain.nearest_miss import Miss
    from console.domain.scope_search import Chain, Link

_MATCHES: Final = {
    How.EXACT: "matches exactly",
    How.ROLE_STAR: "matches by the role's trailing *",
    How.SCOPE_STAR: "is taken in by the scope's trailing *",
}
_FEW: Final = 3


def match_words(link: Link) -> str:
    """By what a scope matches the role of a link."""
    parameter = "" if link.parameter is None else f", <..> is {link.parameter or 'empty'}"
    return _MATCHES[link.how] + parameter


def grant_words(chain: Chain, depth: int) -> str:
    """What is to be said of the scope that a link grants; "" where nothing is."""
    link = chain.links[depth]
    stated = f"stated as {link.stated}" if link.stated != link.granted else ""
    is_last = depth + 1 == len(chain.links)
    return ", ".join(part for part in (stated, satisfaction_words(chain) if is_last else "") if part)


def satisfaction_words(chain: Chain) -> str:
    """By what the chain's end satisfies the wanted scope."""
    return "exact" if chain.how is How.EXACT else f"satisfies {chain.wanted} by its trailing *"


def miss_words(miss: Miss) -> str:
    """Why a scope that came near does not help."""
    holders = few_of(miss.role_ids)
    if miss.suffices:
        return f"it would do, but is granted to {holders} only"
    if miss.only_case:
        return f"it differs in upper and lower case, which counts; granted to {holders}"
    return f"granted to {holders}"


def few_of(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")
