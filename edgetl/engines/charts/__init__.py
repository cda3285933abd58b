"""Charts for pages, as SVG by matplotlib.

matplotlib and not Vega-Lite: it is a library of Python, while vl-convert brings a JavaScript engine.
"""
