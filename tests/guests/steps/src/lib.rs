//! What steps of workflows do in tests.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use exports::test::steps::deeds::{Guest, Item};
use guest_sdk::{log, progress};

guest_sdk::capability!(Steps);

struct Steps;

impl Guest for Steps {
    fn echo(text: String) -> String {
        text
    }

    fn make(name: String, count: u32) -> Item {
        Item { name, count }
    }

    fn is(answer: bool) -> bool {
        answer
    }

    fn big(bytes: u32) -> String {
        "x".repeat(bytes as usize)
    }

    fn spin() -> u32 {
        let mut turns = 0_u32;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }

    fn nap(ms: u32) -> u32 {
        std::thread::sleep(Duration::from_millis(ms.into()));
        ms
    }

    fn tell(messages: u32, bytes: u32) -> u32 {
        let text = "m".repeat(bytes as usize);
        for number in 0..messages {
            match number % 5 {
                0 => log::trace(&text),
                1 => log::debug(&text),
                2 => log::info(&text),
                3 => log::warn(&text),
                _ => log::error(&text),
            }
            progress::report(u64::from(number) + 1, u64::from(messages), "telling");
        }
        messages
    }

    fn linger(ms: u32) -> u32 {
        Self::nap(ms)
    }

    fn append(path: String, line: String) -> Result<u64, String> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|error| error.to_string())?;
        file.write_all(format!("{line}\n").as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| error.to_string())?;
        Ok(line.len() as u64)
    }

    fn put(path: String, text: String) -> Result<u64, String> {
        fs::write(&path, &text).map_err(|error| error.to_string())?;
        Ok(text.len() as u64)
    }

    fn flaky(path: String, failures: u32) -> Result<u32, String> {
        let calls = fs::read(&path).map_or(0, |calls| calls.len()) as u32 + 1;
        fs::write(&path, ".".repeat(calls as usize)).map_err(|error| error.to_string())?;
        if calls <= failures {
            return Err(format!("call {calls} fails"));
        }
        Ok(calls)
    }

    fn destroy(path: String) -> Result<(), String> {
        fs::remove_file(&path).map_err(|error| error.to_string())
    }
}
