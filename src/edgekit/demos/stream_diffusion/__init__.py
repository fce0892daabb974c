"""`edgekit demo stream-diffusion`: speech enhanced by diffusion, one call a frame (Diffusion Buffer)."""
