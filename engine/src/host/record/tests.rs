use proptest::prelude::*;

use super::*;
use crate::event::{Event, Memory, Sink};
use crate::types::{Budget, RunId, Timestamp};

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn timestamp(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }
}

fn recording(most: Bytes) -> (Record, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let sink: Arc<dyn Sink> = memory.clone();
    let emitter = Emitter::new(RunId::fresh(), Arc::new(Stopped), [sink].into());
    (
        Record::new(Arc::new(emitter), Arc::new(Stopped), most, None),
        memory,
    )
}

/// The bytes that a listener puts together from the events of one stream.
fn heard(events: &[Event], wanted: Stream) -> Vec<u8> {
    events
        .iter()
        .filter_map(|event| {
            let EventKind::Output {
                stream,
                text,
                base64,
                bytes,
                digest: None,
            } = &event.kind
            else {
                return None;
            };
            let raw = match base64 {
                Some(base64) => STANDARD.decode(base64).unwrap(),
                None => text.clone().into_bytes(),
            };
            assert_eq!(raw.len() as u64, *bytes);
            (*stream == wanted.into()).then_some(raw)
        })
        .flatten()
        .collect()
}

proptest! {
    #[test]
    fn events_put_together_are_what_the_guest_wrote(
        writes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..40),
        text in "\\PC{0,40}",
    ) {
        let (record, memory) = recording(Bytes::mib(1));
        let mut stdout = Vec::new();
        let mut stderr = Vec::new();
        for (err, bytes) in &writes {
            let (stream, all) = if *err { (Stream::Stderr, &mut stderr) } else { (Stream::Stdout, &mut stdout) };
            all.extend_from_slice(bytes);
            assert_eq!(record.write(stream, &Buffer::copy_from_slice(bytes)).1, None);
        }
        // Characters that are split over several writes, each flushed.
        for byte in text.bytes() {
            stdout.push(byte);
            assert_eq!(record.write(Stream::Stdout, &Buffer::copy_from_slice(&[byte])).1, None);
            record.flush();
        }
        let captured = record.finish();
        let events = memory.events();
        prop_assert_eq!(&heard(&events, Stream::Stdout), &stdout);
        prop_assert_eq!(&heard(&events, Stream::Stderr), &stderr);
        prop_assert_eq!(captured.stdout, stdout);
        prop_assert_eq!(captured.stderr, stderr);
    }
}

#[test]
fn a_split_character_reaches_a_listener_whole() {
    let (record, memory) = recording(Bytes::mib(1));
    for byte in "é🦀".bytes() {
        record.write(Stream::Stdout, &Buffer::copy_from_slice(&[byte]));
        record.flush();
    }
    record.finish();
    let texts: Vec<String> = memory
        .events()
        .into_iter()
        .filter_map(|event| {
            let EventKind::Output {
                text, base64: None, ..
            } = event.kind
            else {
                return None;
            };
            (!text.is_empty()).then_some(text)
        })
        .collect();
    assert_eq!(texts, ["é", "🦀"]);
}

#[test]
fn output_over_the_limit_is_cut_at_the_limit_and_stops_the_guest() {
    let (record, _) = recording(Bytes::new(10));
    assert_eq!(
        record
            .write(Stream::Stdout, &Buffer::from_static(b"123456"))
            .1,
        None
    );
    let (taken, stop) = record.write(Stream::Stderr, &Buffer::from_static(b"abcdef"));
    let stop = stop.unwrap();
    assert_eq!(&taken[..], b"abcd");
    assert_eq!(
        (stop.budget, stop.used, stop.limit),
        (Budget::Output, 12, 10)
    );
    let captured = record.finish();
    assert_eq!(
        (captured.stdout.as_slice(), captured.stderr.as_slice()),
        (&b"123456"[..], &b"abcd"[..])
    );
}

#[test]
fn a_flood_of_refusals_stays_bounded_and_counted() {
    let (record, memory) = recording(Bytes::mib(1));
    for i in 0..5_000 {
        record.deny(Refusal {
            code: Code::DeniedGrant,
            interface: "wasi:filesystem/types",
            operation: "open-at",
            target: &format!("/secret/{}", i % 300),
            reason: String::new(),
            hint: String::new(),
        });
    }
    let captured = record.finish();
    assert_eq!(captured.denied, 5_000);
    assert_eq!(captured.denials.len(), Caps::DENIALS_KEPT);
    assert_eq!(captured.denials[0].count, 17);
    assert_eq!(memory.events().len() as u64, Caps::DENIAL_EVENTS);
}

#[test]
fn each_limit_is_reported_once() {
    let (record, memory) = recording(Bytes::mib(1));
    for _ in 0..3 {
        for budget in [Budget::Memory, Budget::Files] {
            record.reach(&Stop {
                budget,
                used: 2,
                limit: 1,
            });
        }
    }
    assert_eq!(memory.events().len(), 2);
}
