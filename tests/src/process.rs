use std::fs;

/// What this process holds, from `/proc`.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Resident memory in bytes.
    pub resident: u64,
    /// The most resident memory since [`Process::forget_peak`], in bytes.
    pub peak: u64,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Process {
    /// Looks at this process.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |key: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Self {
            resident: number("VmRSS:") << 10,
            peak: number("VmHWM:") << 10,
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: usize::try_from(number("Threads:")).unwrap(),
        }
    }

    /// Lets the peak begin anew.
    pub fn forget_peak() {
        fs::write("/proc/self/clear_refs", "5").unwrap();
    }
}
