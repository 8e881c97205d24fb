"""Figures of a result in one house style: for the page, for a notebook and for a paper."""
