//! What askers and answerers say to each other: envelope, receipt, task bodies.
