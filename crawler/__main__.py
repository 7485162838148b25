"""``python -m crawler``."""

from __future__ import annotations

from crawler.command import main

if __name__ == "__main__":
    main()
