//! Runs a program in which the system call `openat2` does not exist, as on an old kernel.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of one test")]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// `openat2` has this number on every architecture.
const OPENAT2: i64 = 437;
const ENOSYS: u32 = 38;

fn main() {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().unwrap();
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let filter = SeccompFilter::new(
        BTreeMap::from([(OPENAT2, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(ENOSYS),
        arch,
    )
    .unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&filter).unwrap();
    panic!("{}", Command::new(program).args(words).exec());
}
