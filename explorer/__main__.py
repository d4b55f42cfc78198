"""``python -m explorer`` is the command ``latent-explorer``."""

from __future__ import annotations

from explorer.cli.main import main

if __name__ == "__main__":
    main()
