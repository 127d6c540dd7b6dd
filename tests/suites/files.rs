//! Files: the rows C of the attacks.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use engine::{Call, Config, Engine, Grants, Rights, Stdin};
use engine_tests::{Attack, Run, TestEngine, attack, engine_binary, guest};

/// A granted directory with things in it, and a secret beside it.
struct Place {
    dir: tempfile::TempDir,
}

const SECRET: &str = "the secret";

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("granted");
        std::fs::create_dir_all(root.join("sub/deeper")).unwrap();
        std::fs::write(root.join("inside"), "inside").unwrap();
        std::fs::write(root.join("sub/file"), "in sub").unwrap();
        std::fs::write(dir.path().join("secret"), SECRET).unwrap();
        std::fs::create_dir(dir.path().join("secrets")).unwrap();
        std::fs::write(dir.path().join("secrets/file"), SECRET).unwrap();
        for (target, link) in [
            ("/", "to-root"),
            ("..", "to-parent"),
            ("../secret", "to-secret"),
            ("../secrets", "to-secrets"),
            ("/etc/passwd", "to-passwd"),
            ("inside", "to-inside"),
            ("loop-b", "loop-a"),
            ("loop-a", "loop-b"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        // A chain longer than any system follows.
        for i in 0..41 {
            symlink(format!("chain-{}", i + 1), root.join(format!("chain-{i}"))).unwrap();
        }
        std::fs::write(root.join("chain-41"), "the end").unwrap();
        Self { dir }
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("granted")
    }

    /// Everything outside the granted directory, with its content and its times.
    fn outside(&self) -> Vec<(String, String, std::time::SystemTime)> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path == self.root() {
                continue;
            }
            let files = if path.is_dir() {
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .collect()
            } else {
                vec![path]
            };
            for file in files {
                let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
                all.push((
                    file.to_string_lossy().into_owned(),
                    std::fs::read_to_string(&file).unwrap(),
                    modified,
                ));
            }
        }
        all.sort();
        all
    }

    /// Lets a guest try operations on paths in the granted directory, and returns a line for each.
    async fn attempt(&self, rights: Rights, tries: &[(&str, &str)]) -> (Vec<String>, Run) {
        let before = self.outside();
        let args: Vec<&str> = tries
            .iter()
            .flat_map(|(operation, path)| [*operation, *path])
            .collect();
        let run = TestEngine::new()
            .unguarded()
            .dir(&self.root(), "/data", rights)
            .command(guest("paths"), &args)
            .await;
        assert!(run.outcome.fault().is_none(), "{}", run.outcome.to_json());
        assert_eq!(self.outside(), before, "something outside was changed");
        let text = run.stdout();
        assert!(
            !text.contains(SECRET) && !text.contains("root:"),
            "a secret was read: {text}"
        );
        let answers = text
            .lines()
            .map(|line| line.split_once(": ").unwrap().1.to_owned())
            .collect();
        (answers, run)
    }
}

/// C1. No spelling of a way out leads out, and each is written down.
#[tokio::test]
async fn climbing_out_is_refused_in_every_spelling() {
    let place = Place::new();
    let spellings = [
        "../secret",
        "./../secret",
        "sub/../../secret",
        "sub/../../secrets/file",
        ".//..//secret",
        "..//secret",
        "sub/./../.././secret",
        "sub/deeper/../../../secret",
        "../granted/../secret",
        "sub//..//..//secret",
        "to-parent/secret",
        "to-root/etc/passwd",
        "to-secret",
        "to-secrets/file",
        "to-secrets/../secret",
        "to-passwd",
        "sub/../to-parent/secret",
        "to-parent/granted/../secret",
        "to-parent/granted/to-secret",
        "../../../../../../etc/passwd",
        "sub/../sub/../../secret",
        "sub/deeper/../../../secrets/file",
        "./to-secret",
        "sub/../to-secret",
        "to-inside/../../secret",
        "to-root/../etc/passwd",
        "to-parent/../etc",
        "to-root/proc/self/environ",
        "to-parent/to-parent/secret",
        "../secrets/../secret",
    ];
    let tries: Vec<(&str, &str)> = spellings.iter().map(|path| ("read", *path)).collect();
    let (answers, run) = place.attempt(Rights::ReadWrite, &tries).await;
    for (path, answer) in spellings.iter().zip(&answers) {
        let expected = match *path {
            // Through a file, or through a link that leads nowhere: not a way at all.
            "to-inside/../../secret" => "not-directory",
            _ => "not-permitted",
        };
        assert_eq!(answer, expected, "{path}");
    }
    let denied = run.outcome.denials();
    assert_eq!(denied.len(), spellings.len() - 1);
    assert!(
        denied
            .iter()
            .all(|denial| denial.operation == "open-at" && denial.target.starts_with("/data/"))
    );
    assert!(
        denied[0]
            .reason
            .contains("outside the granted directory `/data`"),
        "{:?}",
        denied[0]
    );
    let events = run
        .events
        .iter()
        .filter(|event| event.kind.name() == "access_denied")
        .count();
    assert_eq!(events, spellings.len() - 1);
}

/// C2. Absolute, empty, strange and huge paths are errors, and nothing else.
#[tokio::test]
async fn strange_paths_are_errors() {
    let place = Place::new();
    let tries = [
        ("read", "/etc/passwd"),
        ("read", "//etc/passwd"),
        ("read", ""),
        ("read", "a<nul>b"),
        ("read", "inside<nul>"),
        ("read", "<long>"),
        ("read", "<deep>"),
        ("stat", "/"),
        ("list", ""),
        ("read", "inside/"),
        ("stat", "inside/"),
    ];
    let (answers, _) = place.attempt(Rights::ReadWrite, &tries).await;
    for ((operation, path), answer) in tries.iter().zip(&answers) {
        assert!(!answer.starts_with("ok"), "{operation} {path}: {answer}");
    }
    let (answers, _) = place
        .attempt(
            Rights::ReadWrite,
            &[
                ("read", "inside"),
                ("read", "to-inside"),
                ("list", "."),
                ("list", "sub/"),
            ],
        )
        .await;
    assert_eq!(
        answers,
        ["ok inside", "ok inside", "ok listed", "ok listed"]
    );
}

/// C3. Chains and loops of links end as the system's own error.
#[tokio::test]
async fn endless_links_are_errors() {
    let place = Place::new();
    let tries = [
        ("read", "loop-a"),
        ("read", "chain-0"),
        ("read", "chain-5"),
        ("readlink", "to-passwd"),
        ("read-nofollow", "to-inside"),
    ];
    let (answers, _) = place.attempt(Rights::ReadOnly, &tries).await;
    // That of an absolute link is not even shown.
    assert_eq!(
        answers,
        ["loop", "loop", "ok the end", "not-permitted", "loop"]
    );
}

/// C5. A link that is swapped in while the guest opens never leads out.
#[test]
fn a_race_of_links_is_never_won() {
    let place = Place::new();
    let root = place.root();
    std::fs::create_dir(root.join("real")).unwrap();
    std::fs::write(root.join("real/file"), "inside").unwrap();
    symlink("real", root.join("swapped")).unwrap();
    let tests = TestEngine::new()
        .dir(&root, "/data", Rights::ReadOnly)
        .limits(|limits| limits.wall(engine::WallTime::secs(600)));
    attack(&tests, 64 << 20, async |attack: &Attack| {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let (stopped, swapped) = (stop.clone(), root.clone());
        let swapping = std::thread::spawn(move || {
            let mut swaps = 0u32;
            while !stopped.load(Ordering::Relaxed) {
                for target in ["../secrets", "real"] {
                    let (new, old) = (swapped.join("new"), swapped.join("swapped"));
                    symlink(target, &new).unwrap();
                    std::fs::rename(&new, &old).unwrap();
                    swaps += 1;
                }
            }
            swaps
        });
        let outcome = attack
            .engine
            .run_source(
                guest("race"),
                Call::command(["race", "100000"], Stdin::Empty),
            )
            .await;
        stop.store(true, Ordering::Relaxed);
        let swaps = swapping.join().unwrap();
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        let count = |word: &str| -> u32 {
            let mut words = text.split_whitespace().skip_while(|found| *found != word);
            words
                .nth(1)
                .unwrap_or_else(|| panic!("{}", outcome.to_json()))
                .parse()
                .unwrap()
        };
        assert_eq!(count("escaped"), 0, "{text}");
        assert!(
            count("inside") > 0 && count("refused") > 0,
            "nothing was raced for: {text}, {swaps} swaps"
        );
        assert!(swaps > 1_000, "{swaps}");
    });
}

/// C6. Slashes at the end change nothing, for any operation; with and without the kernel's own help.
#[tokio::test]
async fn trailing_slashes_never_lead_out() {
    let operations = [
        "read",
        "read-nofollow",
        "stat",
        "list",
        "create",
        "truncate",
        "set-times",
        "set-times-at",
        "mkdir",
        "rmdir",
        "unlink",
        "readlink",
        "symlink",
        "symlink-to",
        "link-from",
        "link-to",
        "rename-from",
        "rename-to",
        "hash",
    ];
    let spellings = [
        "to-secret/",
        "to-secrets/",
        "to-secrets//",
        "to-secrets/.",
        "to-parent/",
        "../",
        "..//",
        "to-secrets/./",
        "to-root/",
    ];
    let tries: Vec<(&str, &str)> = operations
        .iter()
        .flat_map(|operation| spellings.iter().map(move |path| (*operation, *path)))
        .collect();
    let inside_only = |place: &Place, answers: &[String]| {
        for ((operation, path), answer) in tries.iter().zip(answers) {
            // What is allowed, is about the link itself.
            let about_the_link = [
                "unlink",
                "readlink",
                "link-from",
                "rename-from",
                "rename-to",
                "symlink-to",
            ]
            .contains(operation);
            assert!(
                !answer.starts_with("ok") || about_the_link,
                "{operation} {path}: {answer}"
            );
        }
        assert!(place.dir.path().join("secrets/file").exists());
    };
    let place = Place::new();
    let (answers, _) = place.attempt(Rights::ReadWrite, &tries).await;
    inside_only(&place, &answers);

    // The same in a process that has no `openat2`.
    let place = Place::new();
    let before = place.outside();
    let output = Command::new(env!("CARGO_BIN_EXE_without-openat2"))
        .arg(engine_binary())
        .args(["exec", &paths_guest(), "--dir"])
        .arg(format!("{}::/data:rw", place.root().display()))
        .arg("--")
        .args(
            tries
                .iter()
                .flat_map(|(operation, path)| [*operation, *path]),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(place.outside(), before);
    let answers: Vec<String> = text
        .lines()
        .map(|line| line.split_once(": ").unwrap().1.to_owned())
        .collect();
    assert_eq!(answers.len(), tries.len());
    inside_only(&place, &answers);
}

fn paths_guest() -> String {
    let source = guest("paths");
    let path = std::env::temp_dir().join(format!(
        "paths-{}.wasm",
        source.digest().to_string().replace(':', "-")
    ));
    std::fs::write(&path, source.as_bytes()).unwrap();
    path.to_string_lossy().into_owned()
}

/// C7. Places of the kernel, the root and the engine's own home are no grants.
#[test]
fn what_is_never_granted_is_refused_before_anything_runs() {
    let link = tempfile::tempdir().unwrap();
    symlink("/proc", link.path().join("innocent")).unwrap();
    for path in [
        Path::new("/"),
        Path::new("/proc"),
        Path::new("/sys"),
        Path::new("/dev"),
        &link.path().join("innocent"),
    ] {
        let fault = Grants::builder()
            .dir(path, "/data", Rights::ReadOnly)
            .build()
            .unwrap_err();
        assert_eq!(
            fault.code().as_str(),
            "E-INVALID-CONFIG",
            "{}",
            path.display()
        );
    }
    let home = tempfile::tempdir().unwrap();
    let grants = Grants::builder()
        .dir(home.path(), "/data", Rights::ReadOnly)
        .build()
        .unwrap();
    let config = Config::new()
        .grants(grants)
        .home(home.path().join("not-there-yet"));
    let fault = Engine::builder().config(config).build().unwrap_err();
    assert!(fault.to_string().contains("keeps its own state"), "{fault}");
}

/// C8. Nothing in a directory that is granted read-only can be changed, in any way.
#[tokio::test]
async fn a_read_only_directory_stays_as_it_is() {
    let place = Place::new();
    let old = UNIX_EPOCH + Duration::from_secs(1_000_000);
    let file = std::fs::File::open(place.root().join("inside")).unwrap();
    file.set_modified(old).unwrap();
    let tries: Vec<(&str, &str)> = [
        "create",
        "truncate",
        "append",
        "set-size",
        "set-times",
        "set-times-at",
        "unlink",
        "link-from",
        "link-to",
        "rename-from",
        "rename-to",
    ]
    .into_iter()
    .map(|operation| (operation, "inside"))
    .chain([
        ("create", "new"),
        ("mkdir", "new"),
        ("rmdir", "sub/deeper"),
        ("symlink", "new"),
        ("symlink-to", "inside"),
    ])
    .collect();
    let (answers, run) = place.attempt(Rights::ReadOnly, &tries).await;
    for ((operation, path), answer) in tries.iter().zip(&answers) {
        assert_eq!(answer, "not-permitted", "{operation} {path}");
    }
    assert_eq!(
        std::fs::read_to_string(place.root().join("inside")).unwrap(),
        "inside"
    );
    assert_eq!(file.metadata().unwrap().modified().unwrap(), old);
    assert!(!place.root().join("new").exists() && place.root().join("sub/deeper").exists());
    let denials = run.outcome.denials();
    assert!(
        denials
            .iter()
            .all(|denial| denial.reason == "`/data` is granted read-only"),
        "{denials:#?}"
    );
    assert!(
        denials[0].hint.ends_with("granted::/data:rw`"),
        "{:?}",
        denials[0].hint
    );
}

/// C8. Rights do not move from one directory to another by a link or a rename.
#[tokio::test]
async fn files_do_not_cross_from_read_only_to_writable() {
    let (ro, rw) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(ro.path().join("inside"), "inside").unwrap();
    let run = TestEngine::new()
        .dir(ro.path(), "/ro", Rights::ReadOnly)
        .dir(rw.path(), "/rw", Rights::ReadWrite)
        .command(
            guest("paths"),
            &["link-from", "inside", "rename-from", "inside"],
        )
        .await;
    let text = run.stdout();
    assert_eq!(text.matches(": not-permitted").count(), 2, "{text}");
    assert!(ro.path().join("inside").exists() && !rw.path().join("linked").exists());
    assert_eq!(
        run.denials(),
        ["link-at /ro/inside", "rename-at /ro/inside"]
    );
}

/// C10. The adapter for WASI 0.1 survives whatever is done to its descriptors.
#[test]
fn renumbering_descriptors_of_wasi_0_1_hurts_nobody() {
    attack(&TestEngine::new(), 64 << 20, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(renumbering(), Call::command(["renumber"], Stdin::Empty))
            .await;
        assert!(
            outcome.fault().is_none() || outcome.fault().unwrap().code().as_str() == "E-TRAP",
            "{}",
            outcome.to_json()
        );
    });
}

/// A core module for WASI 0.1, made a component with wasmtime's own adapter.
fn renumbering() -> engine::Source {
    let module = wat::parse_str(
        r#"(module
          (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start") (local $i i32)
            (loop
              (drop (call $renumber (i32.const 1) (i32.const 1)))
              (drop (call $renumber (i32.const 99) (i32.const 1000000)))
              (drop (call $renumber (i32.const -1) (i32.const 2)))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if 0 (i32.lt_u (local.get $i) (i32.const 100000))))))"#,
    )
    .unwrap();
    let bytes = wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .adapter(
            "wasi_snapshot_preview1",
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        )
        .unwrap()
        .encode()
        .unwrap();
    engine::Source::bytes("renumber", bytes).unwrap()
}

/// C14. Pipes, sockets and devices in a granted directory are not opened, so nothing waits for them.
#[tokio::test]
async fn pipes_sockets_and_devices_are_refused() {
    let place = Place::new();
    let root = place.root();
    let made = Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    symlink("pipe", root.join("to-pipe")).unwrap();
    let mut tries = vec![
        ("read", "pipe"),
        ("read", "to-pipe"),
        ("create", "pipe"),
        ("read", "socket"),
    ];
    // Making a device needs rights that not everybody who runs tests has.
    let device = Command::new("mknod")
        .arg(root.join("null"))
        .args(["c", "1", "3"])
        .status()
        .is_ok_and(|status| status.success());
    if device {
        tries.extend([("read", "null"), ("create", "null")]);
    }
    let (answers, run) = place.attempt(Rights::ReadWrite, &tries).await;
    for ((operation, path), answer) in tries.iter().zip(&answers) {
        assert_eq!(answer, "not-permitted", "{operation} {path}");
    }
    let denials = run.outcome.denials();
    assert!(
        denials
            .iter()
            .all(|denial| denial.reason == "it is a pipe, a socket or a device"),
        "{denials:#?}"
    );
}

/// Row 10. Operations on files are counted where they happen.
#[tokio::test]
async fn every_operation_on_files_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "content").unwrap();
    let run = TestEngine::new()
        .dir(dir.path(), "/data", Rights::ReadOnly)
        .command(guest("reads"), &[])
        .await;
    assert!(run.outcome.fault().is_none());
    assert_eq!(
        run.outcome.usage().fs_operations,
        4,
        "one open and three reads"
    );
}
