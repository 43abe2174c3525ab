"""Measures the product against the engine itself: `make bench`.

Every figure is a ratio to a floor taken in the same run, so that a slow or busy machine does not
count as a slow product. Nothing here is asserted in the test suite.
"""
