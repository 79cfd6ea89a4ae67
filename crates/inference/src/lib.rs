//! Engines that turn a prompt into tokens, and a check of tokens against a model.
