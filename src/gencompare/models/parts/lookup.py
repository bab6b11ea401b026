"""Find the network that an objective or a sampler needs, or say which one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from torch import nn

from gencompare.config.typed import SettingError

Network = TypeVar("Network", bound=nn.Module)


def require(networks: Mapping[str, nn.Module], name: str, kind: type[Network], setting: str) -> Network:
    """The network of this name and kind.

    Raises:
        SettingError: if there is none, naming the setting that needs it.
    """
    network = networks.get(name)
    if not isinstance(network, kind):
        raise SettingError(f"{setting}: needs a network {name!r} ({kind.__name__}); {_described(networks)}")
    return network


def only(networks: Mapping[str, nn.Module], kind: type[Network], setting: str) -> Network:
    """The one network of this kind, whatever its name.

    Raises:
        SettingError: if there is none or more than one, naming the setting that needs it.
    """
    found = [network for network in networks.values() if isinstance(network, kind)]
    if len(found) != 1:
        raise SettingError(f"{setting}: needs one network of kind {kind.__name__}; {_described(networks)}")
    return found[0]


def _described(networks: Mapping[str, nn.Module]) -> str:
    given = ", ".join(f"{name} ({type(network).__name__})" for name, network in networks.items())
    return f"the model has {given}; choose a model and an objective or sampler that belong together"
