//! What an answer was worth: verdicts, scores, standings, weights.
