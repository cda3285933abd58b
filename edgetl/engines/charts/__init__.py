"""Charts for pages, as SVG by matplotlib.

matplotlib and not Vega-Lite: it is one library of Python, while vl-convert brings a JavaScript engine of 100 MB.
"""
