"""The options flow: changes how a gateway works while it runs."""

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow

from .forms.form import UserInput, merge, read, show_form
from .forms.schemas import OPTIONS_FORM


class GatewayOptionsFlow(OptionsFlow):
    """Asks for all options at once, with rare ones collapsed."""

    async def async_step_init(self, user_input: UserInput = None) -> ConfigFlowResult:
        """Show the options, then store the changes."""
        stored = self.config_entry.options
        if user_input is None:
            return show_form(self, "init", OPTIONS_FORM, stored)
        values, errors = read(OPTIONS_FORM, user_input)
        if errors:
            return show_form(self, "init", OPTIONS_FORM, values, errors)
        return self.async_create_entry(data=merge(OPTIONS_FORM, stored, values))
