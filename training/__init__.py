"""The register of training: who is trained to do what, and until when."""
