"""Lost and silent batteries: how they limit the others."""
