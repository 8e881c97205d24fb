"""What anybody may add to fedxr without editing it: registries, and the packages that fill them.

A plug-in is any installed Python package whose metadata name a module in the entry-point group
``fedxr.plugins``. Importing that module registers what it brings:

    [project.entry-points."fedxr.plugins"]
    radar = "fedxr_radar"

See docs/extending.md.
"""

from fedxr.plugins.loading import GROUP, Plugin, loaded
from fedxr.plugins.registry import PluginError, Registry

__all__ = ["GROUP", "Plugin", "PluginError", "Registry", "loaded"]
