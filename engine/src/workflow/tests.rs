//! Workflows whose driver is killed.

mod crashes;
