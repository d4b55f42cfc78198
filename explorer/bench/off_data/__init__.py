"""How well "off the data" is told: samples of small diffusion models whose data are known to the last mode."""
