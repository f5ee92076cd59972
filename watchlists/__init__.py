"""Watchlists: people and photographs; compiling, approving, sealing and destroying; exact nearest-face search."""
