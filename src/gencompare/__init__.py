"""Compare generative models honestly: GAN, VAE or diffusion, at what cost, and how sure are we?"""
