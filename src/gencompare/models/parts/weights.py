"""Weights of several networks as one flat mapping, keyed `<network>.<name>`, as they are saved."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

Weights = Mapping[str, Tensor]


def flatten_weights(networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Return copies of all weights, contiguous and on the CPU."""
    return {
        f"{name}.{key}": tensor.detach().cpu().clone().contiguous()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }


def load_weights(networks: Mapping[str, nn.Module], weights: Weights) -> dict[str, nn.Module]:
    """Put weights into networks of their own names, and return those that have some.

    Raises:
        RuntimeError: where names or shapes of a network's weights are not its own.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in weights.items():
        name, own = key.split(".", 1)
        parts.setdefault(name, {})[own] = value
    loaded = {name: network for name, network in networks.items() if name in parts}
    for name, network in loaded.items():
        network.load_state_dict(parts[name])
    return loaded
