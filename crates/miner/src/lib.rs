//! Answers signed requests with an engine and closes each with a signed receipt.
