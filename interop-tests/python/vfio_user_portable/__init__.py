"""The portable vfio-user encoding, client side, written from docs/portable-protocol.md alone."""
