"""The names of what an attribute predictor is written as; apart, so that asking for them loads no network."""

FAMILY = "attribute_predictor"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "card.json"
