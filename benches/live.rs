//! Many instances that live at the same time, each waiting in a call of the host.

use std::cell::Cell;
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) count: usize,
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
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size() as u64
}

/// A call that is under way.
type Call = Pin<Box<dyn Future<Output = ()>>>;

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
                        assert!(outcome.fault().is_none(), "{:?}", outcome.fault());
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
                    })
                };
                let echo = || -> Call {
                    let (bare, text) = (bare.clone(), text.clone());
                    Box::pin(async move {
                        let _: String = bare.wait(&at_echo, (text.as_str(),)).await;
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
                echo().await;
            }
            nap(1).await;
            let before = resident();
            let waiting = Rc::new(Cell::new(0));
            let began = Instant::now();
            for _ in 0..self.count {
                spawn_local(told(nap(NAP_MS), waiting.clone()));
            }
            while waiting.get() < self.count {
                yield_now().await;
            }
            let starting = began.elapsed();
            let with_them = resident();
            let (began, mut calls) = (Instant::now(), 0u32);
            while began.elapsed() < SPELL {
                echo().await;
                calls += 1;
            }
            Cost {
                count: self.count,
                before,
                with_them,
                starts_a_second: self.count as f64 / starting.as_secs_f64(),
                calls_a_second: f64::from(calls) / began.elapsed().as_secs_f64(),
            }
        })
    }
}

/// Counts a call once it waits for the first time.
async fn told(mut call: Call, waiting: Rc<Cell<usize>>) {
    let mut counted = false;
    poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if !counted {
            counted = true;
            waiting.set(waiting.get() + 1);
        }
        polled
    })
    .await;
}
