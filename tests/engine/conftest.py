"""How hard Hypothesis tries: `--hypothesis-profile long` for hours."""

from hypothesis import settings

settings.register_profile(
    "long", max_examples=20_000, stateful_step_count=50, deadline=None
)
