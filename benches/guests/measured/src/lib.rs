//! What `cargo xtask bench` calls.

use exports::bench::measured::talk::Guest as Talk;
use exports::bench::measured::time::Guest as Time;
use exports::bench::measured::values::{Entry, Guest as Values};

guest_sdk::capability!(Measured);

struct Measured;

impl Values for Measured {
    fn echo(text: String) -> String {
        text
    }

    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn bytes(data: Vec<u8>) -> Vec<u8> {
        data
    }

    fn entries(count: u32) -> Vec<Entry> {
        let entry = |n| Entry {
            name: format!("entry {n}"),
            count: n,
            share: f64::from(n) / f64::from(count),
        };
        (0..count).map(entry).collect()
    }
}

impl Talk for Measured {
    fn tell(count: u32) -> u32 {
        for number in 0..count {
            guest_sdk::log::info(number);
        }
        count
    }
}

impl Time for Measured {
    fn nap(millis: u32) -> u32 {
        std::thread::sleep(std::time::Duration::from_millis(millis.into()));
        millis
    }
}
