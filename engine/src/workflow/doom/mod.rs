//! Notices that a caller asks for the same batch of calls again and again.
//!
//! A batch is what a caller asks for in one turn. Two batches are the same, *exactly*, if they hold the
//! same functions with the same arguments, each as often, in whatever order; they are *fuzzily* the
//! same if only the functions are. From the threshold on a batch is refused, so that the caller can try
//! something else; two batches later the caller is stopped.

mod config;
mod detector;
#[cfg(test)]
mod tests;

pub(crate) use config::Config;
#[cfg(test)]
pub(crate) use config::ConfigError;
pub(crate) use detector::{Call, Detector, Verdict};
