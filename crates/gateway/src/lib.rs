//! The consumer's API: OpenAI's shapes in, miners' answers out.
