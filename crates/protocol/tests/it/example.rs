//! The worked example of `docs/protocol.md`: recomputed here, and looked up there.
