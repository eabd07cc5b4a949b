"""Catalogs as a static site: one page that lists the providers, and one for each of them."""
