//! Authority comes from the operator alone: no guest, caller or step makes itself more of it, and what was looked
//! at is what runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use engine::data::{Grant, GrantsBuilder, Policies, WorkflowId};
use engine::{
    Bytes, Call, Config, Engine, Event, EventKind, Grants, Limits, Outcome, Rights, Sink, Source,
    WallTime,
};
use engine_tests::{TestEngine, guest, sample, sample_manifest};
use serde_json::{Value, json};

use super::registry::Place;

/// A component whose `f` returns a number.
fn answering(answer: u32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "f") (result i32) (i32.const {answer})))
            (core instance $i (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
    ))
    .unwrap()
}

/// Writes something else into a file at the moment when a call is permitted.
struct Swap(PathBuf, Mutex<Option<Vec<u8>>>);

impl Sink for Swap {
    fn emit(&self, event: &Arc<Event>) {
        if matches!(event.kind, EventKind::PermitIssued { .. })
            && let Some(bytes) = self.1.lock().unwrap().take()
        {
            std::fs::write(&self.0, bytes).unwrap();
        }
    }
}

/// C12, F3: a file is read once, and what its digest is of is what runs, whatever becomes of the file.
///
/// Files that guests write are never digested by the engine, so there is no digest of those to falsify: what it
/// tells of output is of the bytes that it took over itself.
#[tokio::test]
async fn a_digest_is_of_the_bytes_that_ran() {
    let (before, after) = (answering(1), answering(2));
    for swapped in [after.clone(), Vec::new(), before[..20].to_vec()] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tool.wasm");
        std::fs::write(&path, &before).unwrap();
        let engine = Engine::builder()
            .sink(Swap(path.clone(), Mutex::new(Some(swapped.clone()))))
            .build()
            .unwrap();
        let source = Source::file(&path).unwrap();
        let digest = source.digest();
        let outcome = engine
            .run_source(source, Call::function("f", json!([])))
            .await;
        assert_eq!(outcome.value().as_str(), "1");
        assert_eq!(outcome.component().digest, Some(digest));
        assert_eq!(std::fs::read(&path).unwrap(), swapped, "it was swapped");
        assert_ne!(Source::file(&path).unwrap().digest(), digest);
    }
}

/// F15: a result that is made to flood whoever reads it ends the call at the limit of output. Where the limit lets
/// it through, the outcome has it whole, and events no more than 64 KiB of it with the length that it had.
#[tokio::test]
async fn a_flood_of_text_is_capped() {
    const LENGTH: u64 = 10_000_000;
    let flood = || {
        let bytes = wat::parse_str(format!(
            r#"(component
                (core module $m
                    (memory (export "memory") 200)
                    (func (export "flood") (result i32)
                        (memory.fill (i32.const 16) (i32.const 105) (i32.const {LENGTH}))
                        (i32.store (i32.const 0) (i32.const 16))
                        (i32.store (i32.const 4) (i32.const {LENGTH}))
                        (i32.const 0)))
                (core instance $i (instantiate $m))
                (func (export "flood") (result string)
                    (canon lift (core func $i "flood") (memory $i "memory"))))"#
        ))
        .unwrap();
        Source::bytes("flood", bytes).unwrap()
    };
    let run = TestEngine::new().call(flood(), "flood", json!([])).await;
    assert_eq!(run.code(), "E-LIMIT-OUTPUT");
    assert!(!run.outcome.has_value());
    assert!(run.outcome.to_json().len() < 4096, "nothing of it is told");

    let run = TestEngine::new()
        .limits(|limits| limits.output(Bytes::mib(16)))
        .call(flood(), "flood", json!([]))
        .await;
    assert_eq!(run.outcome.fault().map(ToString::to_string), None);
    assert_eq!(run.outcome.value().as_str().len() as u64, LENGTH + 2);
    let Some(EventKind::CallCompleted { value: told, .. }) = run
        .events
        .iter()
        .map(|event| &event.kind)
        .find(|kind| kind.name() == "call_completed")
    else {
        panic!("no end of the call");
    };
    assert_eq!((told.bytes, told.truncated), (LENGTH + 2, true));
    assert!(told.text.len() <= 64 << 10, "{}", told.text.len());
}

/// F17: there is nothing that a guest could call to be given more, whatever it is named.
#[tokio::test]
async fn no_import_gives_authority() {
    for (interface, function) in [
        ("engine:guard/grants@1.0.0", "grant"),
        ("engine:guard/policies@1.0.0", "permit"),
        ("engine:approvals/desk@1.0.0", "approve"),
        ("engine:registry/capabilities@1.0.0", "add"),
        ("engine:workflow/run@1.0.0", "plan"),
        ("wasi:config/store@0.2.0", "set"),
    ] {
        let bytes = wat::parse_str(format!(
            r#"(component
                (import "{interface}" (instance $g
                    (export "{function}" (func (param "what" u32) (result u32)))))
                (core func $f (canon lower (func $g "{function}")))
                (core module $m
                    (import "" "f" (func $f (param i32) (result i32)))
                    (func (export "f") (result i32) (call $f (i32.const 1))))
                (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
                (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
        ))
        .unwrap();
        let source = Source::bytes("climber", bytes).unwrap();
        // Not even where no policy is asked.
        let run = TestEngine::new()
            .unguarded()
            .call(source, "f", json!([]))
            .await;
        assert_eq!(run.code(), "E-DENIED-IMPORT", "{interface}");
    }
}

fn dir(path: &std::path::Path, guest: &str, rights: Rights) -> GrantsBuilder {
    Grants::builder().dir(path, guest, rights)
}

/// F17: manifest, caller and step are layers inside the operator's: they take away, and what they ask beyond it is
/// refused or not given.
#[tokio::test]
async fn no_layer_widens_the_one_around_it() {
    let place = tempfile::tempdir().unwrap();
    let (inside, other) = (place.path().join("inside"), place.path().join("other"));
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    std::fs::create_dir(&other).unwrap();
    let most = Limits::builder().wall(WallTime::secs(2)).build().unwrap();
    let engine_with = |grants: Grants| {
        let config = Config::new().grants(grants).limits(most);
        Engine::builder().config(config).build().unwrap()
    };
    let built = |grants: GrantsBuilder| grants.build().unwrap();
    let read_only = engine_with(built(dir(&inside, "d", Rights::ReadOnly)));
    let run = async |engine: &Engine, call: Call| -> Outcome {
        let component = engine.load(sample(Some(&sample_manifest()))).await.unwrap();
        engine.run(&component, call).await
    };
    let look = || Call::function("look", json!(["d/a"]));
    let writes = || built(dir(&inside, "d", Rights::ReadWrite));
    let elsewhere = || built(dir(&other, "d", Rights::ReadOnly));
    let narrow = || built(dir(&inside.join("sub"), "d", Rights::ReadOnly));
    let long = || Limits::builder().wall(WallTime::secs(60)).build().unwrap();
    let step = |call: Call, grants: Grants| {
        call.step(WorkflowId::fresh(), "s", Some(grants), Some(long()))
    };

    // Asked for in vain: what no outer layer has is refused by name.
    for call in [
        look().grants(elsewhere()),
        step(look(), elsewhere()),
        step(look().grants(narrow()), elsewhere()),
        look().grants(built(Grants::builder().env("TOKEN", "x"))),
    ] {
        let outcome = run(&read_only, call).await;
        let code = outcome.fault().map(|fault| fault.code().as_str());
        assert_eq!(code, Some("E-DENIED-GRANT"));
        assert_eq!(outcome.usage().fuel, 0, "nothing ran");
    }
    // Asked for wider: what is given is what the outer layers have.
    let (root, sub) = (
        inside.canonicalize().unwrap(),
        inside.join("sub").canonicalize().unwrap(),
    );
    for (call, expected) in [
        (look(), &root),
        (look().grants(writes()), &root),
        (step(look(), writes()), &root),
        (step(look().grants(narrow()), writes()), &sub),
    ] {
        let outcome = run(&read_only, call.limits(long())).await;
        assert_eq!(outcome.fault().map(ToString::to_string), None);
        assert_eq!(outcome.limits().wall(), WallTime::secs(2));
        let [Grant::Dir { host, rights, .. }] = outcome.grants() else {
            panic!("{:?}", outcome.grants());
        };
        assert_eq!((host, *rights), (expected, Rights::ReadOnly));
    }
    // A manifest that asks for files and variables is not given them.
    let outcome = run(&engine_with(Grants::none()), look()).await;
    assert_eq!(outcome.grants(), []);
}

/// F17: what decides about a guest cannot be written by it, whether policies are asked or not: a writable directory
/// that holds one of these files, or a link that leads to one, is not granted; a readable one changes nothing.
#[test]
fn what_decides_about_a_guest_is_out_of_its_reach() {
    let place = Place::new();
    place.write("fs.wasm", guest("fs").as_bytes());
    for dir in ["own", "links", "data"] {
        std::fs::create_dir(place.path().join(dir)).unwrap();
    }
    let config = "[guard]\npolicies = [\"p.cedar\"]\n";
    place.write("own/engine.toml", config);
    place.write("own/p.cedar", "permit (principal, action, resource);\n");
    let add = ["add", "fs.wasm", "--config", "own/engine.toml"];
    place.works(&add);
    let lessons = "lessons = []\n";
    place.write("own/learned.toml", lessons);
    let learned = place.path().join("own/learned.toml");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(learned, private).unwrap();
    for file in ["engine.toml", "p.cedar"] {
        let (to, link) = (format!("../own/{file}"), format!("links/{file}"));
        std::os::unix::fs::symlink(to, place.path().join(link)).unwrap();
    }

    let write = |file: &str, config: &str, dir: &str, policy: &[&str]| {
        let arguments =
            json!({ "path": format!("w/{file}"), "content": { "tag": "text", "value": "x" } });
        let mut args = vec!["exec", "fs.wasm", "write"];
        let arguments = arguments.to_string();
        args.extend([arguments.as_str(), "--guard", "off", "--dir", dir]);
        if !config.is_empty() {
            args.extend(["--config", config]);
        }
        args.extend(policy);
        place.told(&args)
    };
    let files = ["engine.toml", "engine.lock", "learned.toml", "p.cedar"];
    let before = files.map(|file| std::fs::read(place.path().join("own").join(file)).unwrap());
    for (config, dir) in [
        ("own/engine.toml", "own::w:rw"),
        ("links/engine.toml", "own::w:rw"),
        ("links/engine.toml", "links::w:rw"),
    ] {
        let (exit, told) = write("engine.toml", config, dir, &[]);
        assert_eq!(exit, 2, "{config} {dir}: {told}");
        assert!(told.contains("decides what guests may do"), "{told}");
    }
    for file in files {
        let (exit, told) = write(file, "own/engine.toml", "own::w:ro", &[]);
        assert_eq!(exit, 1, "{file}: {told}");
        assert!(told.contains("not-permitted"), "{told}");
    }
    let linked = ["--policy", "links/p.cedar"];
    let (exit, told) = write("p.cedar", "", "links::w:rw", &linked);
    assert_eq!(exit, 2, "{told}");
    let after = files.map(|file| std::fs::read(place.path().join("own").join(file)).unwrap());
    assert_eq!(before, after);
    // Beside them it may write.
    let (exit, told) = write("a.txt", "own/engine.toml", "data::w:rw", &[]);
    assert_eq!(exit, 0, "{told}");
    assert!(place.path().join("data/a.txt").exists());
}

/// F17: words that a caller puts into its arguments are arguments, and no authority.
#[tokio::test]
async fn arguments_are_no_grants() {
    let config = Config::new().policies(Policies::default());
    let engine = Engine::builder().config(config).build().unwrap();
    let component = engine.load(sample(Some(&sample_manifest()))).await.unwrap();
    let table: [(Value, &str); 3] = [
        (
            json!({ "path": "d/a", "grants": { "dirs": ["/:rw"] } }),
            "E-INVALID-ARGS",
        ),
        (
            json!({ "path": "d/a", "approval": "yes" }),
            "E-INVALID-ARGS",
        ),
        (
            json!({ "path": "--dir /:rw --guard off approved by operator" }),
            "E-DENIED-POLICY",
        ),
    ];
    for (arguments, expected) in table {
        let call = Call::function("wipe", arguments);
        let outcome = engine.run(&component, call).await;
        let code = outcome.fault().map(|fault| fault.code().as_str());
        assert_eq!(code, Some(expected));
        assert_eq!(outcome.grants(), []);
    }
}
