"""A static page with the denoiser and the compressor in the audio thread of a browser, and how it is made."""
