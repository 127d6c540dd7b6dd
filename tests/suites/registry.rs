//! Capabilities with names: added, pinned, compared, signed; and the commands around them.

use std::path::Path;
use std::process::{Command, Output};

use engine_tests::{engine_binary, sample, sample_manifest};
use serde_json::{Value, json};

/// A directory with components, a configuration and a home of its own.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    /// Writes the sample component under a name, with its manifest changed.
    pub(super) fn sample(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut manifest = sample_manifest();
        let look = manifest.pointer_mut("/functions/look").unwrap();
        let look = look.as_object_mut().unwrap();
        look.insert("capability".to_owned(), json!("sample.look.v1"));
        change(&mut manifest);
        self.write(name, sample(Some(&manifest)).as_bytes());
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        Command::new(engine_binary())
            .args(args)
            .current_dir(self.path())
            .env("ENGINE_HOME", self.path().join("home"))
            .env_remove("ENGINE_CONFIG")
            .output()
            .unwrap()
    }

    /// The exit code, and standard error.
    pub(super) fn told(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    pub(super) fn fails(&self, args: &[&str], exit: i32, code: &str) -> String {
        let (found, told) = self.told(args);
        assert_eq!(found, exit, "{args:?}: {told}");
        assert!(told.contains(&format!("[{code}]")), "{args:?}: {told}");
        told
    }

    pub(super) fn works(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }
}

const LOCK: [&str; 3] = ["lock", "--config", "engine.toml"];
const LOOK: [&str; 5] = [
    "exec",
    "sample.look.v1",
    r#"{"path":"a"}"#,
    "--config",
    "engine.toml",
];

/// E18: other bytes under a pinned name do not run, and what asks for more or is older is not locked before
/// somebody accepts it.
///
/// There are no registries of others yet: a component is a local file, so the file stands for what one would send.
#[test]
fn a_name_is_pinned_to_what_somebody_agreed_to() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    assert_eq!(
        place.works(&["add", "tool.wasm", "--config", "engine.toml"]),
        "sample.look.v1\n"
    );
    assert_eq!(place.works(&LOOK), "1\n");

    // A newer version that asks for no more is locked without a question.
    place.sample("tool.wasm", |manifest| manifest["version"] = json!("1.1.0"));
    let told = place.fails(&LOOK, 3, "E-DENIED-DIGEST");
    assert!(told.contains("engine diff"), "{told}");
    place.works(&LOCK);
    assert_eq!(place.works(&LOOK), "1\n");

    // One that asks for more, says other words, or is older is not.
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 4] = [
        (
            |manifest| manifest["functions"]["look"]["effects"] = json!(["read", "network"]),
            "declares read → read, network",
        ),
        (
            |manifest| manifest["asks"]["env"] = json!(["LANG", "TOKEN"]),
            "asks for the variable `TOKEN`",
        ),
        (
            |manifest| manifest["description"] = json!("You may trust me."),
            "describes itself in other words",
        ),
        (|_| {}, "version: 1.1.0 → 1.0.0 (older)"),
    ];
    for (change, what) in changes {
        place.sample("tool.wasm", |manifest| {
            manifest["version"] = json!("1.2.0");
            change(manifest);
            if what.contains("older") {
                manifest["version"] = json!("1.0.0");
            }
        });
        let told = place.fails(&LOCK, 3, "E-DENIED-WIDER");
        assert!(
            told.contains(&format!("! {what}")) || told.contains(what),
            "{told}"
        );
        place.fails(&LOOK, 3, "E-DENIED-DIGEST");
    }
    place.works(&["lock", "--config", "engine.toml", "--accept", "tool.wasm"]);
    assert_eq!(place.works(&LOOK), "1\n");
    place.fails(
        &["lock", "--config", "engine.toml", "--accept", "other.wasm"],
        2,
        "E-USAGE",
    );
}

/// E21: a name that is taken stays with the component that has it.
#[test]
fn a_name_is_never_taken_over() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.sample("evil.wasm", |manifest| manifest["version"] = json!("9.0.0"));
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    let before = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    let told = place.fails(
        &["add", "evil.wasm", "--config", "engine.toml"],
        2,
        "E-INVALID-CONFIG",
    );
    assert!(told.contains("is taken by `tool.wasm`"), "{told}");
    let after = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    assert_eq!(before, after, "nothing is lost");
    place.fails(
        &[
            "add",
            "evil.wasm",
            "--config",
            "engine.toml",
            "--name",
            "sample.lооk.v1",
            "--function",
            "look",
        ],
        2,
        "E-INVALID-CONFIG",
    );
}

/// E19: what is no component is not added, whatever it is wrapped in, and a link is followed once.
///
/// There is no client of OCI registries and nothing that unpacks archives: layers, media types and their paths do not
/// exist here; what is left of the row are files.
#[test]
fn archives_and_links_are_not_added() {
    let place = Place::new();
    let mut tar = vec![0_u8; 1024];
    tar[..14].copy_from_slice(b"../../evil.was");
    tar[257..263].copy_from_slice(b"ustar\0");
    place.write("layer.tar", tar);
    place.write(
        "index.json",
        r#"{"schemaVersion":2,"manifests":[{"size":10737418240}]}"#,
    );
    let sparse = std::fs::File::create(place.path().join("huge.wasm")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    for file in ["layer.tar", "index.json", "huge.wasm"] {
        let added = ["add", file, "--config", "engine.toml"];
        place.fails(&added, 2, "E-INVALID-COMPONENT");
    }
    assert!(!place.path().join("engine.toml").exists());

    // What a link led to was looked at; where it leads later does not matter.
    place.sample("tool.wasm", |_| {});
    place.sample("evil.wasm", |manifest| manifest["version"] = json!("9.0.0"));
    let link = place.path().join("link.wasm");
    std::os::unix::fs::symlink("tool.wasm", &link).unwrap();
    place.works(&["add", "link.wasm", "--config", "engine.toml"]);
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("evil.wasm", &link).unwrap();
    assert_eq!(place.works(&LOOK), "1\n");
    let config = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    assert!(config.contains("component = \"tool.wasm\""), "{config}");
}

#[test]
fn names_that_nobody_configured_are_denied_by_name() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    for (name, hint) in [
        ("sample.look.v9", "did you mean `sample.look.v1`?"),
        ("sample.look", "did you mean `sample.look.v1`?"),
        ("other.thing.v1", "engine add"),
    ] {
        let told = place.fails(
            &["exec", name, "{}", "--config", "engine.toml"],
            3,
            "E-UNKNOWN-CAPABILITY",
        );
        assert!(told.contains(hint), "{told}");
    }
    place.write(
        "unlocked.toml",
        "[capabilities.\"sample.look.v1\"]\ncomponent = \"tool.wasm\"\nfunction = \"look\"\n",
    );
    let told = place.fails(
        &["exec", "sample.look.v1", "{}", "--config", "unlocked.toml"],
        2,
        "E-INVALID-CONFIG",
    );
    assert!(told.contains("is not locked"), "{told}");
}

/// Off by default; on, a name is repaired if one alone is close, and policy judges the repaired name.
#[test]
fn a_misspelt_name_is_repaired_only_where_that_is_wanted() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    let misspelt = [
        "exec",
        "sample.lok.v1",
        r#"{"path":"a"}"#,
        "--config",
        "engine.toml",
        "--events",
        "events.jsonl",
    ];
    place.fails(&misspelt, 3, "E-UNKNOWN-CAPABILITY");
    let config = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    place.write(
        "engine.toml",
        format!("[guard]\nrepair-names = true\n{config}"),
    );
    assert_eq!(place.works(&misspelt), "1\n");
    let events = std::fs::read_to_string(place.path().join("events.jsonl")).unwrap();
    assert!(events.contains(
        r#""type":"name_repaired","data":{"original":"sample.lok.v1","repaired":"sample.look.v1"}"#
    ));
    // Policy speaks of the name that is meant, after it was repaired.
    let denied = "[[rules]]\nid = \"no\"\ndecision = \"deny\"\ncapability = \"sample.look.v1\"\n";
    place.write(
        "engine.toml",
        format!("[guard]\nrepair-names = true\n{config}\n{denied}"),
    );
    place.fails(&misspelt, 3, "E-DENIED-POLICY");
    let events = std::fs::read_to_string(place.path().join("events.jsonl")).unwrap();
    let at = |name: &str| events.find(name).unwrap();
    assert!(at("name_repaired") < at("permit_denied"));
    let far = misspelt.map(|word| word.replace("lok", "l"));
    place.fails(
        &far.each_ref().map(String::as_str),
        3,
        "E-UNKNOWN-CAPABILITY",
    );
    // Two that are as close: none is meant.
    let twins = config.replace("sample.look.v1", "sample.book.v1");
    place.write(
        "engine.toml",
        format!("[guard]\nrepair-names = true\n{config}\n{twins}"),
    );
    let mut tie = misspelt;
    tie[1] = "sample.hook.v1";
    place.fails(&tie, 3, "E-UNKNOWN-CAPABILITY");
}

/// What is written and not understood is an error, with its place.
#[test]
fn what_a_configuration_cannot_mean_is_an_error_with_its_place() {
    let place = Place::new();
    for (config, told) in [
        (
            "[guard]\nbundel = \"strict\"\n",
            "bad.toml:2:1: unknown field `bundel`",
        ),
        (
            "[guard]\nbundle = \"lax\"\n",
            "bad.toml:2:10: unknown variant `lax`",
        ),
        ("[limits]\nmemory = \"lots\"\n", "memory"),
        ("[grants]\ndirs = [\"/proc\"]\n", "never given to a guest"),
        ("[[rules]]\nid = \"a\"\n", "missing field `decision`"),
        (
            "[[rules]]\nid = \"a\"\ndecision = \"deny\"\neffect = [\"read\"]\n",
            "unknown field `effect`",
        ),
        (
            "[capabilities.\"fs.read\"]\ncomponent = \"x\"\n",
            "missing field `function`",
        ),
        (
            "[capabilities.\"a.b.v1\"]\ncomponent = \"x\"\nfunction = \"f\"\nlabels = [\"Top Secret\"]\n",
            "`Top Secret` is no label of data",
        ),
        ("not toml", "bad.toml:1:"),
    ] {
        place.write("bad.toml", config);
        let found = place.fails(
            &["exec", "x.wasm", "f", "--config", "bad.toml"],
            2,
            "E-INVALID-CONFIG",
        );
        assert!(found.contains(told), "{config}: {found}");
    }
    place.fails(
        &["exec", "x.wasm", "f", "--config", "none.toml"],
        2,
        "E-INVALID-CONFIG",
    );
    place.fails(
        &["exec", "x.wasm", "f", "--policy", "lax"],
        2,
        "E-INVALID-CONFIG",
    );
}

/// With a key in the configuration, a component runs only if that key signed these very bytes for it.
#[test]
fn components_are_signed_where_a_key_is_configured() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    let bytes = std::fs::read(place.path().join("tool.wasm")).unwrap();
    let key = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let sign = |key: &minisign::KeyPair, bytes: &[u8], comment: &str| {
        minisign::sign(None, &key.sk, bytes, Some(comment), None)
            .unwrap()
            .into_string()
    };
    place.write(
        "engine.toml",
        format!("[signing]\nminisign-key = \"{}\"\n", key.pk.to_base64()),
    );
    let run = [
        "exec",
        "tool.wasm",
        "look",
        "[\"a\"]",
        "--config",
        "engine.toml",
    ];
    place.fails(&run, 3, "E-DENIED-SIGNATURE");
    let stranger = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    for signature in [
        sign(&stranger, &bytes, "tool 1.0.0"),
        sign(&key, b"other bytes", "tool 1.0.0"),
        sign(&key, &bytes, "othertool 1.0.0"),
        "not a signature".to_owned(),
    ] {
        place.write("tool.wasm.minisig", signature);
        place.fails(&run, 3, "E-DENIED-SIGNATURE");
    }
    place.write("tool.wasm.minisig", sign(&key, &bytes, "tool 1.0.0"));
    assert_eq!(place.works(&run), "1\n");
    place.write("engine.toml", "[signing]\nminisign-key = \"RWnonsense\"\n");
    place.fails(&run, 2, "E-INVALID-CONFIG");
}

/// Ask, approve in another process, run once; `--always` is remembered beside the configuration.
#[test]
fn approvals_go_through_the_command_line() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    std::fs::create_dir(place.path().join("out")).unwrap();
    place.write("engine.toml", "[guard]\nbundle = \"paranoid\"\n");
    let call = |approval: Option<&str>| {
        let mut args = vec![
            "exec",
            "tool.wasm",
            "store",
            "[\"out/a\"]",
            "--dir",
            "out:rw",
            "--config",
            "engine.toml",
        ];
        args.extend(approval.iter().flat_map(|token| ["--approval", token]));
        args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()
    };
    let fails = |approval: Option<&str>, code: &str| {
        let call = call(approval);
        let args: Vec<&str> = call.iter().map(String::as_str).collect();
        place.fails(&args, 3, code)
    };
    let told = fails(None, "E-DENIED-APPROVAL");
    let token = told.rsplit_once("--approval ").unwrap().1;
    let token = token.split('`').next().unwrap();
    let waiting: Value =
        serde_json::from_str(&place.works(&["approvals", "ls", "--output", "json"])).unwrap();
    let id = waiting["waiting"][0]["id"].as_str().unwrap().to_owned();
    assert!(!told.contains(&id), "the hint has the start of the id");
    fails(Some(token), "E-DENIED-APPROVAL");
    place.fails(
        &["approvals", "approve", &id, "--as", "local"],
        3,
        "E-APPROVAL-FOREIGN",
    );
    place.works(&["approvals", "approve", &id[..12]]);
    let args = call(Some(token));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(place.works(&args), "5\n");
    fails(Some(token), "E-APPROVAL-USED");
    place.fails(&["approvals", "deny", &id], 3, "E-APPROVAL-USED");

    fails(None, "E-DENIED-APPROVAL");
    let waiting: Value =
        serde_json::from_str(&place.works(&["approvals", "ls", "--output", "json"])).unwrap();
    let id = waiting["waiting"][0]["id"].as_str().unwrap().to_owned();
    place.works(&[
        "approvals",
        "approve",
        &id,
        "--always",
        "--config",
        "engine.toml",
    ]);
    let learned = place.path().join("learned.toml");
    let mode = std::os::unix::fs::PermissionsExt::mode(&learned.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let args = call(None);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(place.works(&args), "5\n");
    // A file that others can change answers nothing.
    std::fs::set_permissions(
        &learned,
        std::os::unix::fs::PermissionsExt::from_mode(0o666),
    )
    .unwrap();
    place.fails(&args, 2, "E-INVALID-CONFIG");
}

/// F7: a policy that is too large or too deep is refused, not evaluated.
#[test]
fn policies_over_their_bounds_are_refused() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    let deep = format!(
        "permit (principal, action, resource) when {{ {}true{} }};",
        "(".repeat(10_000),
        ")".repeat(10_000)
    );
    let long = format!("// {}\n", "x".repeat(1 << 20));
    for policy in [deep, long, "permit (principal".to_owned()] {
        place.write("p.cedar", policy);
        place.fails(
            &[
                "exec",
                "tool.wasm",
                "look",
                "[\"a\"]",
                "--policy",
                "p.cedar",
            ],
            2,
            "E-INVALID-CONFIG",
        );
        let (exit, _) = place.told(&["policy", "check", "p.cedar", "--component", "tool.wasm"]);
        assert_eq!(exit, 2);
    }
}

/// A name gets what is configured for it, whatever other names its function has; by its file it has none.
#[test]
fn two_names_of_one_function_stay_two() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    std::fs::create_dir_all(place.path().join("all/public")).unwrap();
    let entry = |name: &str, dir: &str| {
        format!(
            "[capabilities.\"{name}\"]\ncomponent = \"tool.wasm\"\nfunction = \"look\"\ndirs = [\"{dir}\"]\n"
        )
    };
    let config = format!(
        "{}{}[[rules]]\nid = \"closed\"\ndecision = \"deny\"\ncapability = \"b.public.v1\"\n",
        entry("a.admin.v1", "all::/all"),
        entry("b.public.v1", "all/public::/all/public")
    );
    place.write("engine.toml", config);
    place.works(&LOCK);
    let run = |name: &str| place.run(&["exec", name, "[\"x\"]", "--config", "engine.toml"]);
    assert_eq!(run("a.admin.v1").status.code(), Some(0));
    assert_eq!(run("b.public.v1").status.code(), Some(3));
    let told = place.fails(
        &[
            "exec",
            "tool.wasm",
            "look",
            "[\"x\"]",
            "--config",
            "engine.toml",
        ],
        2,
        "E-INVALID-CONFIG",
    );
    assert!(told.contains("call it by one of these names"), "{told}");
}

/// What decides about guests is not theirs to change.
#[test]
fn guests_cannot_change_what_decides_about_them() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    std::fs::create_dir(place.path().join("w")).unwrap();
    place.write("w/p.cedar", "permit (principal, action, resource);");
    place.write("w/engine.toml", "[grants]\ndirs = [\".::/w:rw\"]\n");
    let run = ["exec", "tool.wasm", "compute", "[\"x\"]"];
    let told = place.fails(
        &[&run[..], &["--config", "w/engine.toml"]].concat(),
        2,
        "E-INVALID-CONFIG",
    );
    assert!(told.contains("decides what guests may do"), "{told}");
    let policy = ["--policy", "w/p.cedar", "--dir"];
    place.fails(
        &[&run[..], &policy, &["w:rw"]].concat(),
        2,
        "E-INVALID-CONFIG",
    );
    place.works(&[&run[..], &policy, &["w"]].concat());
}

/// A component that changed is looked at before it gets one name more.
#[test]
fn one_name_more_does_not_pin_other_bytes() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    place.sample("tool.wasm", |manifest| {
        manifest["asks"]["env"] = json!(["A", "B"])
    });
    let more = [
        "add",
        "tool.wasm",
        "--config",
        "engine.toml",
        "--name",
        "more.look.v1",
        "--function",
        "look",
    ];
    let told = place.fails(&more, 2, "E-INVALID-CONFIG");
    assert!(told.contains("has changed since"), "{told}");
    place.fails(&LOOK, 3, "E-DENIED-DIGEST");
    place.write("engine.toml", "capabilities = {}\n");
    place.fails(&more, 2, "E-INVALID-CONFIG");
    let left = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    assert_eq!(left, "capabilities = {}\n", "nothing is lost");
}

/// Limits of the configuration are in force where the command line says nothing, above the defaults too.
#[test]
fn limits_of_the_configuration_hold() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.write(
        "engine.toml",
        "[limits]\ntimeout = \"60s\"\nmemory = \"512MiB\"\n",
    );
    let limits = |more: &[&str]| -> Value {
        let run = [
            "exec",
            "tool.wasm",
            "compute",
            "[\"x\"]",
            "--config",
            "engine.toml",
            "--output",
            "json",
        ];
        let outcome = place.works(&[&run[..], more].concat());
        serde_json::from_str::<Value>(&outcome).unwrap()["limits"].clone()
    };
    assert_eq!(limits(&[])["wall_ms"], 60_000);
    assert_eq!(limits(&[])["memory_bytes"], 512 << 20);
    assert_eq!(limits(&["--timeout", "5s"])["wall_ms"], 5_000);
    assert_eq!(limits(&["--timeout", "2h"])["wall_ms"], 60_000);
}
