//! Typed access to a node: reads, calls, watched submissions.
