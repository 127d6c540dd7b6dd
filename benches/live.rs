//! Many instances that live at the same time, each waiting in a call of the host.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine::Engine;
use engine::data::Pool;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::{LocalSet, spawn_local, yield_now};

use crate::bare::{Bare, Setting, Ways};
use crate::subject::{Guarding, Latest, Subject, TIME, VALUES, measured, runtime, text};

/// How long an instance waits: longer than the measurement takes, and less than the limit on time.
const NAP_MS: u32 = 25_000;
/// Room for calls beside those that wait.
pub(crate) const SPARE: usize = 10;
/// How long calls are counted beside those that wait.
const SPELL: Duration = Duration::from_millis(500);

/// So many instances of one host.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Live {
    pub(crate) host: Host,
    pub(crate) count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Host {
    Engine,
    /// Bare wasmtime, tuned, with a pool of just this size.
    Bare,
}

/// What so many instances cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// How many there are: all that were asked for, unless one failed.
    pub(crate) count: usize,
    /// Why there are no more.
    pub(crate) failed: Option<String>,
    /// Memory of this process that is there, before them, in bytes.
    pub(crate) before: u64,
    /// The same with all of them waiting.
    pub(crate) with_them: u64,
    /// How many were started in a second.
    pub(crate) starts_a_second: f64,
    /// How many other calls one thread made in a second while they waited.
    pub(crate) calls_a_second: f64,
}

impl Cost {
    /// Bytes of one instance.
    pub(crate) fn each(&self) -> f64 {
        self.with_them.saturating_sub(self.before) as f64 / self.count.max(1) as f64
    }
}

/// The memory of this process that is there, in bytes.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = told
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kibibytes * 1024
}

/// A call that is under way. It gives why it failed.
type Call = Pin<Box<dyn Future<Output = Option<String>>>>;

impl Live {
    pub(crate) fn measure(self) -> Cost {
        let bytes = measured();
        let text = text(64);
        match self.host {
            Host::Engine => {
                let room = u32::try_from(self.count + SPARE).unwrap();
                let builder = Engine::builder().sink(Latest::default());
                let subject = Subject::of(&bytes, builder, Pool::new(room), Guarding::Cedar(20));
                let subject = Rc::new(subject);
                let call = |function: &'static str, arguments: serde_json::Value| -> Call {
                    let (subject, arguments) = (subject.clone(), arguments.to_string());
                    Box::pin(async move {
                        let outcome = subject.call(function, &arguments).await;
                        let fault = outcome.fault();
                        fault.map(|fault| format!("{fault} ({:?})", fault.kind()))
                    })
                };
                let nap = |millis| call("nap", json!({ "millis": millis }));
                self.count(&nap, &|| call("echo", json!({ "text": text })))
            }
            Host::Bare => {
                let room = u32::try_from(self.count + SPARE).unwrap();
                let bare = Bare::sized(Setting::Tuned, &bytes, room, Ways::Asynchronous);
                let bare = Rc::new(bare);
                let (at_nap, at_echo) = (bare.find(TIME, "nap"), bare.find(VALUES, "echo"));
                let nap = |millis: u32| -> Call {
                    let bare = bare.clone();
                    Box::pin(async move {
                        let _: u32 = bare.wait(&at_nap, (millis,)).await;
                        None
                    })
                };
                let echo = || -> Call {
                    let (bare, text) = (bare.clone(), text.clone());
                    Box::pin(async move {
                        let _: String = bare.wait(&at_echo, (text.as_str(),)).await;
                        None
                    })
                };
                self.count(&nap, &echo)
            }
        }
    }

    fn count(self, nap: &dyn Fn(u32) -> Call, echo: &dyn Fn() -> Call) -> Cost {
        let (runtime, tasks) = (runtime(), LocalSet::new());
        tasks.block_on(&runtime, async {
            for _ in 0..300 {
                assert_eq!(echo().await, None);
            }
            assert_eq!(nap(1).await, None);
            let before = resident();
            let waiting = Rc::new(Waiting::default());
            let began = Instant::now();
            for number in 1..=self.count {
                spawn_local(told(nap(NAP_MS), waiting.clone()));
                while waiting.count.get() < number && waiting.failed.borrow().is_none() {
                    yield_now().await;
                }
                if waiting.failed.borrow().is_some() {
                    break;
                }
            }
            let starting = began.elapsed();
            let with_them = resident();
            let (count, failed) = (waiting.count.get(), waiting.failed.take());
            let (began, mut calls) = (Instant::now(), 0u32);
            while began.elapsed() < SPELL && failed.is_none() {
                assert_eq!(echo().await, None);
                calls += 1;
            }
            Cost {
                count,
                failed,
                before,
                with_them,
                starts_a_second: count as f64 / starting.as_secs_f64(),
                calls_a_second: f64::from(calls) / began.elapsed().as_secs_f64(),
            }
        })
    }
}

/// What became of the calls that are to wait.
#[derive(Default)]
struct Waiting {
    count: Cell<usize>,
    failed: RefCell<Option<String>>,
}

/// Counts a call once it waits for the first time, or keeps why it does not.
async fn told(mut call: Call, waiting: Rc<Waiting>) {
    let mut counted = false;
    let failed = poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if !counted && polled.is_pending() {
            counted = true;
            waiting.count.set(waiting.count.get() + 1);
        }
        polled
    })
    .await;
    if failed.is_some() {
        waiting.failed.replace(failed);
    }
}
