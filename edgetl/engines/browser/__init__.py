"""A headless browser, controlled by Playwright, that runs models with LiteRT.js."""
