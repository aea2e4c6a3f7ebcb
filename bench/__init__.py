"""The design's figures, measured."""
