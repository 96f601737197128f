//! A blocking C interface over Temporal's core: `temporal_bridge.h` beside this crate is its contract.
//! Everything here is on the untrusted side and sees ciphertext only; still, no log line carries a value.

mod client;
mod ffi;
mod log;
mod meter;
mod runtime;
mod worker;
