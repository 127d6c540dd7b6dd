use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;

fn sample() -> Source {
    Source::bytes("sample", wat::parse_str("(component)").unwrap()).unwrap()
}

fn workshop(program: &str, words: &[&str]) -> Workshop {
    Workshop::new(Compiler::new(program).words(words.iter().copied())).unwrap()
}

fn compiled(workshop: &Workshop) -> Result<Vec<u8>, Fault> {
    let engine = Engine::new(&super::super::config::config(false)).unwrap();
    workshop.compile(&engine, &sample(), false, &Cancel::new())
}

/// What a shell that plays a compiler makes of a component.
fn played(script: &str) -> Fault {
    compiled(&workshop("/bin/sh", &["-c", script])).unwrap_err()
}

#[test]
fn a_compiler_with_nothing_to_work_with_is_refused() {
    let compiler = || Compiler::new("engine");
    for (compiler, why) in [
        (
            compiler().memory(Bytes::mib(63)),
            "63MiB of memory, under the least of 64MiB",
        ),
        (
            compiler().processor(WallTime::millis(999)),
            "less than a second of processor time",
        ),
        (compiler().wall(WallTime::millis(0)), "no time"),
        (compiler().at_once(0), "no process"),
    ] {
        let Err(fault) = Workshop::new(compiler) else {
            panic!("{why}: it was taken")
        };
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
        assert!(fault.to_string().ends_with(why), "{fault}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let fault = compiled(&workshop("/nowhere/engine", &[])).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
    assert_eq!(
        fault.to_string(),
        "there is no compiler at `/nowhere/engine`"
    );
}

/// Whatever a program says, only code for this very engine is taken from it.
#[test]
fn what_is_no_answer_is_refused() {
    for script in [
        "exit 0",
        "echo",
        "cat",
        "echo '{}'",
        "exit 2",
        "echo 'no such command' >&2; exit 2",
        "exec head -c 1000000 /dev/zero",
    ] {
        let fault = played(script);
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{script}");
        assert_eq!(fault.to_string(), "`/bin/sh` is no compiler", "{script}");
    }
    let other = r#"cat > /dev/null; echo '{"compatible":"0123","came":{"code":1}}'; echo"#;
    let fault = played(other);
    assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
    assert_eq!(
        fault.to_string(),
        "the compiler `/bin/sh` makes code for another engine"
    );
    let engine = Engine::new(&super::super::config::config(false)).unwrap();
    let own = cache::compatibility(&engine);
    let short = format!(r#"echo '{{"compatible":"{own}","came":{{"code":7}}}}'; printf 123456"#);
    assert_eq!(played(&short).to_string(), "`/bin/sh` is no compiler");
}

#[test]
fn how_a_compiler_dies_says_why() {
    for (script, code, message) in [
        (
            "kill -XCPU $$",
            "E-LIMIT-COMPILE",
            "compiling `sample` takes more than 60s of processor time",
        ),
        (
            "echo 'memory allocation of 4096 bytes failed' >&2; kill -ABRT $$",
            "E-LIMIT-COMPILE",
            "compiling `sample` takes more than 2GiB of memory",
        ),
        (
            "kill -KILL $$",
            "E-LIMIT-COMPILE",
            "compiling `sample` was ended by the system, which most likely ran short of memory",
        ),
        (
            "printf '\\nthread main panicked at a.rs:1:2:\\nno \\033[1m such block\\nnote: x\\n' >&2; exit 101",
            "E-INVALID-COMPONENT",
            "`sample` makes the compiler crash: no \\u{1b}[1m such block",
        ),
        (
            "kill -SEGV $$",
            "E-INVALID-COMPONENT",
            "`sample` makes the compiler crash: signal: 11 (SIGSEGV)",
        ),
    ] {
        let fault = played(script);
        assert_eq!(
            (fault.code().as_str(), fault.to_string().as_str()),
            (code, message)
        );
        assert_eq!(fault.phase(), Some(Phase::Load));
    }
}

/// A compiler that complains without an end is listened to, and only its first words are kept.
#[test]
fn complaints_are_bounded() {
    let fault = played("head -c 3000000 /dev/zero | tr '\\0' x >&2; kill -SEGV $$");
    assert!(fault.to_string().len() < 500, "{}", fault.to_string().len());
}

#[test]
fn a_compiler_that_hangs_is_stopped_at_its_deadline() {
    for script in [
        "exec sleep 100",
        "cat > /dev/null; exec sleep 100",
        "exec 1>&- 2>&-; exec sleep 100",
    ] {
        let compiler = Compiler::new("/bin/sh")
            .words(["-c", script])
            .wall(WallTime::millis(300));
        let workshop = Workshop::new(compiler).unwrap();
        let fault = compiled(&workshop).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE", "{script}");
        assert_eq!(
            fault.to_string(),
            "compiling `sample` takes longer than 300ms"
        );
    }
}

#[test]
fn cancelling_stops_a_compiler() {
    let workshop = workshop("/bin/sh", &["-c", "exec sleep 100"]);
    let engine = Engine::new(&super::super::config::config(false)).unwrap();
    let cancel = Cancel::new();
    let asked = cancel.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            asked.cancel();
        });
        let fault = workshop.compile(&engine, &sample(), false, &cancel);
        assert_eq!(fault.unwrap_err().code().as_str(), "E-CANCELLED");
    });
}

/// Places are never taken by more than there are, whoever waits gets one, and who would be too many is told at once.
#[test]
fn places_are_bounded_and_all_are_served() {
    let places = Places::new(2, 5);
    let (working, most, served) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let never = Cancel::new();
    let first = places.take(&never).unwrap();
    let second = places.take(&never).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                let place = places.take(&never).unwrap();
                let now = working.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                working.fetch_sub(1, Ordering::SeqCst);
                served.fetch_add(1, Ordering::SeqCst);
                drop(place);
            });
        }
        while places.waiting() < 5 {
            std::thread::yield_now();
        }
        assert!(places.take(&never).is_none(), "a sixth waits");
        drop((first, second));
    });
    assert_eq!(served.load(Ordering::SeqCst), 5);
    assert!(most.load(Ordering::SeqCst) <= 2);

    let _first = places.take(&never).unwrap();
    let _second = places.take(&never).unwrap();
    let cancelled = Cancel::new();
    cancelled.cancel();
    assert!(places.take(&cancelled).is_none());
    assert_eq!(places.waiting(), 0);
}
