//! Runs a program at the terminal that is named first, as its controlling terminal and all its standard streams.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of one test")]

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

fn main() {
    let mut words = std::env::args_os().skip(1);
    let terminal = words.next().unwrap();
    let program = words.next().unwrap();
    rustix::process::setsid().unwrap();
    let terminal = File::options()
        .read(true)
        .write(true)
        .open(terminal)
        .unwrap();
    rustix::process::ioctl_tiocsctty(&terminal).unwrap();
    let failed = Command::new(program)
        .args(words)
        .stdin(terminal.try_clone().unwrap())
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal)
        .exec();
    panic!("{failed}");
}
