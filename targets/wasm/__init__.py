"""WebAssembly: the C of a build as one module, the JavaScript around it, and an audio processor for browsers."""
