"""What all tests share."""

# First of all: Home Assistant's test helpers have a package of this name too
import custom_components  # noqa: F401
