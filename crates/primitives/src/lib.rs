//! The nouns everyone says: amounts, ids, addresses.
