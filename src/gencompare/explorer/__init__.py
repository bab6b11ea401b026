"""A page, on this machine only, to play with what was trained: `kedro explore`."""
