//! Notices that a workflow does not come forward, and says why and what could help.
//!
//! The driver shows the detector a sample of the workflow at every change and every now and then
//! between changes. Nothing here reads a clock: the samples bring their time.

mod config;
mod detector;
mod history;
mod kind;
mod memory;
mod sample;
mod signs;
#[cfg(test)]
pub(in crate::workflow) mod tests;

pub(crate) use config::{Config, ConfigError, Escalation};
pub(crate) use detector::{Detector, Stall};
#[cfg(test)]
pub(crate) use history::{Past, Statistics};
#[cfg(test)]
pub(crate) use kind::Parameter;
pub(crate) use kind::{Intervention, InterventionKind, Kind, Severity};
pub(crate) use sample::Sample;
