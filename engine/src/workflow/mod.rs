//! Drives a plan of actions to its end.

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the driver comes next")
)]
pub(crate) mod doom;
#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the driver comes next")
)]
pub(crate) mod stall;
