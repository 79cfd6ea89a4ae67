//! Agreement on blocks by simplex: propose, verify, finalize against a ledger.
