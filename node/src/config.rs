//! The one configuration of a node: every limit and every default, validated at start.
