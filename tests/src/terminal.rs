use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::engine_binary;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The real program at a terminal of its own.
#[derive(Debug)]
pub struct AtTerminal {
    child: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
}

impl AtTerminal {
    /// Starts the program; `helper` is `at-terminal`, which gives it the terminal.
    pub fn start(helper: &str, dir: &Path, args: &[&str]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let child = Command::new(helper)
            .arg(name.to_str().unwrap())
            .arg(engine_binary())
            .args(args)
            .current_dir(dir)
            .env("ENGINE_HOME", dir.join("home"))
            .env("TERM", "xterm")
            .env_remove("ENGINE_CONFIG")
            .spawn()
            .unwrap();
        let keys = File::from(keys);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, said) = (keys.try_clone().unwrap(), shown.clone());
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            // A terminal that nobody has open any more, or not yet, fails to be read.
            loop {
                match screen.read(&mut some) {
                    Ok(0) => break,
                    Ok(length) => {
                        let more = String::from_utf8_lossy(some.get(..length).unwrap());
                        said.lock().unwrap().push_str(&more);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
                if Arc::strong_count(&said) == 1 {
                    break;
                }
            }
        });
        Self { child, keys, shown }
    }

    /// Types.
    pub fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// All that was shown until now.
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until something was shown so many times.
    pub fn until(&self, text: &str, times: usize) {
        let begun = Instant::now();
        while self.shown().matches(text).count() < times {
            assert!(begun.elapsed() < PATIENCE, "no `{text}`: {}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end; returns how it ended and all that was shown.
    pub fn ends(mut self) -> (ExitStatus, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What was written last may still be on its way.
                std::thread::sleep(Duration::from_millis(50));
                return (status, self.shown());
            }
            if begun.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not end: {}", self.shown());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
