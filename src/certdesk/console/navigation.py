"""The console's main menu; an item is shown where its page exists and to whom it is open."""

from dataclasses import dataclass

from certdesk.console.routing import AUDITORS, OVERSEERS, SIGNED_IN, Access
from certdesk.domain.sessions import Session
from certdesk.domain.text import N_


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the menu."""

    path: str
    label: str
    icon: str
    access: Access


ITEMS = (
    Item("/", N_("Home"), "house", SIGNED_IN),
    Item("/requests", N_("Requests"), "inbox", SIGNED_IN),
    Item("/certificates", N_("Certificates"), "badge-check", SIGNED_IN),
    Item("/codes", N_("Codes"), "stamp", SIGNED_IN),
    Item("/organisations", N_("Organisations"), "building-2", OVERSEERS),
    Item("/managers", N_("Managers"), "users", OVERSEERS),
    Item("/authority", N_("Authority"), "landmark", OVERSEERS),
    Item("/audit", N_("Audit log"), "scroll-text", AUDITORS),
)


def items_for(items: tuple[Item, ...], session: Session | None) -> list[Item]:
    """Return the items of somebody's menu."""
    return [item for item in items if item.access.allows(session)]
