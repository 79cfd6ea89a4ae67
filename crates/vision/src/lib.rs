//! Pictures: reading them, drawing them, naming what they show.
