"""A headless browser, controlled by Playwright, that runs models with the programs of a bundle."""
