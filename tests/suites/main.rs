//! The integration suites: one program, one module for each subject.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod always;
mod answering;
mod answers;
mod approvals;
mod authoring;
mod authority;
mod calling;
mod config;
mod cpu;
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
mod shipped_archive;
mod shipped_markdown;
mod steering;
mod suggestions;
mod telemetry;
mod telling;
mod terminal;
mod values;
mod workflows;
