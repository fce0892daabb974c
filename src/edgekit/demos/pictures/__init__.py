"""Small trained forms of published picture systems: restoration, denoising, drawing. Package of their demos."""
