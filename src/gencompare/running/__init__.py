"""Where work runs: here, on every core or card of this machine, or on machines elsewhere. Only this room knows how."""
