"""The Unity project. Unity reads Assets, Packages and ProjectSettings; Python reads `scenes`."""
