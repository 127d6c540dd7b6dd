//! The integration suites: one program, one module for each subject.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod always;
mod answering;
mod answers;
mod approvals;
mod authority;
mod cases;
mod config;
mod cpu;
mod deterministic;
mod expiring;
mod files;
mod guard;
mod guides;
mod inspecting;
mod journal;
mod layers;
mod load;
mod memory;
mod naming;
mod network;
mod outcome;
mod plans;
mod program;
mod registry;
mod resuming;
mod shipped;
mod steering;
mod suggestions;
mod telemetry;
mod telling;
mod terminal;
mod values;
mod workflows;
