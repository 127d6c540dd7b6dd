//! Work to count the instructions of: some rounds of one thing, warm.
//!
//! Run twice with different numbers of rounds, the difference is that of the rounds alone. `cargo xtask bench --instructions`
//! does that, and compares with `budget.toml`.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::data::{CodeCache, Pool, Timestamp};
use engine::{Clock, Engine};
use serde_json::json;

use crate::rows::guard::{About, decider};
use crate::subject::{Guarding, Latest, Subject, measured, runtime, text};

/// A figure: its name, and what makes its rounds.
type Figure = (&'static str, fn(&Setting) -> Work);

/// What is counted, by the names in `budget.toml`.
const FIGURES: [Figure; 9] = [
    ("call-cedar", |setting| {
        setting.call(Guarding::Cedar(20), Heard::Kept, "echo", echo(64))
    }),
    ("call-rules", |setting| {
        setting.call(Guarding::Rules(20), Heard::Kept, "echo", echo(64))
    }),
    ("call-unguarded", |setting| {
        setting.call(Guarding::Off, Heard::Kept, "echo", echo(64))
    }),
    ("call-unheard", |setting| {
        setting.call(Guarding::Rules(20), Heard::Nobody, "echo", echo(64))
    }),
    ("call-4k-string", |setting| {
        setting.call(Guarding::Rules(20), Heard::Kept, "echo", echo(4096))
    }),
    ("call-64k-string", |setting| {
        setting.call(Guarding::Rules(20), Heard::Kept, "echo", echo(64 << 10))
    }),
    ("call-4k-bytes", |setting| {
        let data = STANDARD.encode(text(4096));
        let arguments = json!({ "data": data }).to_string();
        setting.call(Guarding::Rules(20), Heard::Kept, "bytes", arguments)
    }),
    ("call-100-records", |setting| {
        let arguments = json!({ "count": 100 }).to_string();
        setting.call(Guarding::Rules(20), Heard::Kept, "entries", arguments)
    }),
    ("decision-100-policies", |_| {
        let mut decide = decider(100, About::AllOfOne);
        Box::new(move || {
            black_box(decide());
        })
    }),
];

/// One round.
type Work = Box<dyn FnMut()>;

/// What all of it needs.
struct Setting {
    bytes: Vec<u8>,
    cache: CodeCache,
}

/// Clocks that go a thousand times too slowly, because all else does under valgrind, and no guard is to be late.
#[derive(Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    fn timestamp(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed() / 1_000
    }

    fn thread_cpu(&self) -> Duration {
        self.elapsed()
    }
}

/// Who hears the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// They are kept in memory.
    Kept,
    Nobody,
}

fn echo(bytes: usize) -> String {
    json!({ "text": text(bytes) }).to_string()
}

impl Setting {
    fn call(
        &self,
        guarding: Guarding,
        heard: Heard,
        function: &'static str,
        arguments: String,
    ) -> Work {
        // To compile takes most of the time otherwise, and threads that compile share their work anew each time.
        let builder = Engine::builder()
            .cache(self.cache.clone())
            .clock(Arc::new(Ticks(Instant::now())));
        let builder = match heard {
            Heard::Kept => builder.sink(Latest::default()),
            Heard::Nobody => builder,
        };
        let subject = Subject::of(&self.bytes, builder, Pool::new(2), guarding);
        let runtime = runtime();
        Box::new(move || {
            black_box(subject.value(&runtime, function, &arguments));
        })
    }
}

/// Prints the names of all figures.
pub(crate) fn names() {
    for (name, _) in FIGURES {
        println!("{name}");
    }
}

/// Does so many rounds of a figure. Compiled code is kept in a directory.
pub(crate) fn work(figure: &str, rounds: &str, cache: &Path) {
    let rounds: usize = rounds.parse().unwrap();
    let (_, make) = FIGURES.iter().find(|(name, _)| *name == figure).unwrap();
    let setting = Setting {
        bytes: measured(),
        cache: CodeCache::open(cache).unwrap(),
    };
    let mut round = make(&setting);
    for _ in 0..rounds {
        round();
    }
}
