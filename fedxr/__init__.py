"""The command line and the two compositions, live and headless, that wire the parts."""
