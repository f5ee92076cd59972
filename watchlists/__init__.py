"""The lists: people, photographs; compile, authorise, seal, destroy; exact nearest-face search."""
