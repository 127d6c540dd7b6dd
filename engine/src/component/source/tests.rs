use super::*;

/// What policies would read as part of an action's, a group's or a capability's name is refused in a name.
#[test]
fn a_name_with_other_characters_is_refused_by_name() {
    for (name, why) in [
        ("component:x", "the name has a `:`"),
        ("fs.read", "the name has a `.`"),
        ("a b", "the name has a ` `"),
        ("a\u{430}", "the name has a `\u{430}`"),
        ("a#b", "the name has a `#`"),
        ("", "the name is empty"),
    ] {
        let fault = Source::bytes(name, *b"x").unwrap_err();
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{name}");
        assert!(fault.to_string().ends_with(why), "{fault}");
    }
    let fault = Source::bytes(&"x".repeat(129), *b"x").unwrap_err();
    assert!(fault.to_string().contains("129 bytes"), "{fault}");
    for name in ["fs", "my-tool_2", "A", &"x".repeat(128)] {
        assert_eq!(Source::bytes(name, *b"x").unwrap().name(), name);
    }
}

/// Every file that people have can be run, under a name that can be taken for nothing else.
#[test]
fn a_file_of_any_name_has_a_name_for_policies() {
    for (file, name) in [
        ("fs.wasm", "fs"),
        ("dir.d/my.component.wasm", "my-component"),
        ("foo_v1.2.wasm", "foo_v1-2"),
        ("my tool.wasm", "my-tool"),
        ("component:x.wasm", "component-x"),
        ("fs.read.wat", "fs-read"),
        ("na\u{ef}ve.wasm", "na-ve"),
        (".wasm", "-wasm"),
        ("plain", "plain"),
        ("..", "--"),
        ("/", "-"),
    ] {
        assert_eq!(Source::name_of(file), name, "{file}");
        assert!(check_name(name).is_ok());
    }
    assert_eq!(Source::name_of("\u{e9}".repeat(300)).len(), LONGEST_NAME);
}

/// Whatever a file says of its length, what is in it is read, to its end.
#[test]
fn a_file_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    for length in [0, 1, 31, 32, 33, 4096, 100_000] {
        let path = dir.path().join("component.wasm");
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Source::file(&path).unwrap().as_bytes(), bytes, "{length}");
    }
    // It says that it is empty.
    let said = std::fs::metadata("/proc/self/status").unwrap().len();
    let read = Source::file("/proc/self/status").unwrap();
    assert_eq!(said, 0);
    assert!(read.as_bytes().starts_with(b"Name:"));
}
