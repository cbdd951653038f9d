"""The options flow: changes how a gateway works while it runs."""

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow

from .port import UserInput
from .schemas import OPTIONS_FORM


class GatewayOptionsFlow(OptionsFlow):
    """Asks for all options at once, with rare ones collapsed."""

    async def async_step_init(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show the options, then store the changes."""
        stored = self.config_entry.options
        values = stored if user_input is None else OPTIONS_FORM.read(user_input)
        errors = OPTIONS_FORM.errors(values)
        if user_input is None or errors:
            return self.async_show_form(
                step_id="init",
                data_schema=OPTIONS_FORM.schema(values, errors),
                errors=errors,
            )
        return self.async_create_entry(data=OPTIONS_FORM.merge(stored, values))
