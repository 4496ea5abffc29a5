"""What an image is: its references, digests, tags, manifests, and the context it is built from."""
