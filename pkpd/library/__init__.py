"""The model library: catalog, lint, descriptions, pages, examples."""
