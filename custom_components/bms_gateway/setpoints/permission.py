"""Permissions: which users may set which limits, and whose a limit is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er

from ..const import DOMAIN
from ..engine.temporary_limits import TemporaryLimit
from ..errors import forbidden
from .requester import AUTOMATION, MQTT, REPAIR, normalized, user_name

_CONTROLS: Final = {Platform.NUMBER, Platform.SWITCH}
_RESERVED_NAMES: Final = frozenset({AUTOMATION, MQTT, REPAIR})
"""Owners that are no users, whatever a user's name."""
_ID_LENGTH: Final = 8
"""Characters of a user's id that distinguish users without a usable name."""


@dataclass(frozen=True, slots=True)
class Requester:
    """The caller of an action. Without a user, it is Home Assistant itself."""

    context: Context
    user: User | None
    name: str
    """The owner of the limits that are set, unless the call names another."""
    others: frozenset[str]
    """Normalized names this caller may not use: of other users, and reserved ones."""

    @property
    def by(self) -> str | None:
        """The user id that a temporary limit stores."""
        return None if self.user is None else self.user.id

    @property
    def is_free(self) -> bool:
        """Return whether everything is permitted: any owner, clearing any limit."""
        return self.user is None or self.user.is_admin

    def check_control(self, hass: HomeAssistant, device_id: str) -> None:
        """Raise Unauthorized for a user who may not control all entities of a device.

        As Home Assistant does for an action on these entities. If the device has none,
        only a user who may control every entity passes.
        """
        if self.user is None or self.is_free:
            return
        permissions = self.user.permissions
        controls = _controls(hass, device_id)
        if not controls and not permissions.access_all_entities(POLICY_CONTROL):
            raise Unauthorized(context=self.context, permission=POLICY_CONTROL)
        for entity_id in controls:
            if not permissions.check_entity(entity_id, POLICY_CONTROL):
                raise Unauthorized(
                    context=self.context,
                    entity_id=entity_id,
                    permission=POLICY_CONTROL,
                )

    def check_owner(self, owner: str, live: Iterable[TemporaryLimit]) -> None:
        """Raise Unauthorized for a user who names another owner.

        That is another user, a reserved name, or the owner of an active temporary limit
        that this user did not set.
        """
        if self.is_free:
            return
        is_other = normalized(owner) in self.others and normalized(owner) != normalized(
            self.name
        )
        alike = (
            temporary_limit
            for temporary_limit in live
            if normalized(temporary_limit.owner) == normalized(owner)
        )
        if is_other or any(temporary_limit.by != self.by for temporary_limit in alike):
            raise forbidden(self.context, "owner_of_others", owner=owner)

    def may_end(self, temporary_limit: TemporaryLimit) -> bool:
        """Return whether a temporary limit may be cleared without naming its owner."""
        return self.is_free or temporary_limit.by == self.by


async def async_requester(hass: HomeAssistant, context: Context) -> Requester:
    """Return the caller; raise UnknownUser if Home Assistant has no such user."""
    if context.user_id is None:
        return Requester(context, None, AUTOMATION, frozenset())
    user = await hass.auth.async_get_user(context.user_id)
    if user is None:
        raise UnknownUser(context=context)
    users = await hass.auth.async_get_users()
    others = {normalized(user_name(each)) for each in users if each.id != user.id}
    name = user_name(user)
    if normalized(name) in _RESERVED_NAMES and not user.is_admin:
        name = f"user {user.id[:_ID_LENGTH]}"
    return Requester(context, user, name, _RESERVED_NAMES | others)


def _controls(hass: HomeAssistant, device_id: str) -> list[str]:
    """Return the entities that control a device."""
    registry = er.async_get(hass)
    return [
        entry.entity_id
        for entry in er.async_entries_for_device(
            registry, device_id, include_disabled_entities=True
        )
        if entry.platform == DOMAIN and entry.domain in _CONTROLS
    ]
