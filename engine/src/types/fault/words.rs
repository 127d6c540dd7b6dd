//! The words of faults that take more than a format.

use crate::types::{Budget, Bytes, Denial, Json, text};

pub(super) fn pointer_prefix(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!("at `{pointer}`: ")
    }
}

pub(super) fn denied(denials: &[Denial]) -> String {
    match denials {
        [only] => format!(
            "{} `{}` is denied: {}",
            only.operation, only.target, only.reason
        ),
        several => format!("{} grants are denied", several.len()),
    }
}

pub(super) fn exhausted(budget: &Budget, limit: &u64) -> String {
    match budget {
        Budget::Fuel => format!("the guest spent its fuel of {limit}"),
        Budget::Memory => format!(
            "the guest could not go on within its memory limit of {}",
            Bytes::new(*limit)
        ),
        Budget::Instances => {
            format!("the guest needs more than {limit} core instances, memories or tables")
        }
        Budget::Time => format!("the guest ran longer than {limit} ms"),
        Budget::Output => format!(
            "the guest handed out more than its output limit of {}",
            Bytes::new(*limit)
        ),
        Budget::Handles => format!("the guest held more than {limit} handles"),
        Budget::Files => format!("the guest held more than {limit} open files"),
        Budget::HostCalls => format!("the guest made more than {limit} host calls"),
        Budget::HostData => format!(
            "the guest moved more than {} to the host in one call",
            Bytes::new(*limit)
        ),
    }
}

pub(super) fn busy(instances: u32, waiting: u32) -> String {
    let are = |count, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let run = are(instances, "instance runs", "instances run");
    match waiting {
        0 => format!("{run} already"),
        waiting => format!(
            "{run} and {} already",
            are(waiting, "call waits", "calls wait")
        ),
    }
}

pub(super) fn import(interface: &str, function: &str) -> String {
    if interface.is_empty() {
        format!("the import `{function}`")
    } else {
        format!("`{interface}#{function}`")
    }
}

pub(super) fn payload(value: &Json) -> String {
    if value.is_null() {
        String::new()
    } else {
        format!(": {}", text::line(value.as_str(), 400))
    }
}
