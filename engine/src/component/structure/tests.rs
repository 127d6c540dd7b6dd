use super::*;

fn check_bytes(bytes: &[u8]) -> Result<Vec<DebugInfo>, Fault> {
    check(&Source::bytes("sample", bytes).unwrap()).map(|found| found.debug)
}

fn message(bytes: &[u8]) -> String {
    check_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_no_component_is_named() {
    for (bytes, found) in [
        (&b""[..], "empty"),
        (b"\0", "a truncated file"),
        (b"\0asm\x0d", "a truncated file"),
        (b"\0asm\x01\0\0\0", "a core WebAssembly module"),
        (
            b"\0asm\x0c\0\x01\0",
            "WebAssembly of an unknown version 0c 00 01 00",
        ),
        (b"\x7fELF\x02\x01\x01", "a native program or native code"),
        (b"(component)", "text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "something unknown"),
    ] {
        assert_eq!(
            message(bytes),
            format!("`sample` is {found}, not a component")
        );
    }
}

#[test]
fn an_empty_component_passes() {
    assert!(
        check_bytes(&wat::parse_str("(component)").unwrap())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn every_prefix_of_a_component_is_refused_without_a_panic() {
    let whole = wat::parse_str(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
             (func (export "f") (canon lift (core func $i "f"))))"#,
    )
    .unwrap();
    // A prefix that ends between two sections is a smaller component: the validator judges those.
    let refused = (0..whole.len())
        .filter(|&end| check_bytes(&whole[..end]).is_err())
        .count();
    assert!(refused > whole.len() / 2, "{refused} of {}", whole.len());
}

#[test]
fn the_bounds_hold_and_say_what_passed_them() {
    let nested = |levels: usize| format!("{}{}", "(component ".repeat(levels), ")".repeat(levels));
    check_bytes(&wat::parse_str(nested(16)).unwrap()).unwrap();
    assert_eq!(
        message(&wat::parse_str(nested(17)).unwrap()),
        "`sample` has 17 levels of nesting, over the limit of 16"
    );

    let imports = |count: usize| {
        let all: String = (0..count)
            .map(|i| format!("(import \"f{i}\" (func))"))
            .collect();
        wat::parse_str(format!("(component {all})")).unwrap()
    };
    check_bytes(&imports(256)).unwrap();
    assert_eq!(
        message(&imports(257)),
        "`sample` has 257 imports, over the limit of 256"
    );

    let functions = wat::parse_str(format!(
        "(component (core module {}))",
        "(func)".repeat(50_001)
    ))
    .unwrap();
    let fault = check_bytes(&functions).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`sample` has 50001 core functions, over the limit of 50000"
    );
    assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE");

    let body = "nop ".repeat((1 << 20) + 1);
    let large = wat::parse_str(format!("(component (core module (func {body})))")).unwrap();
    assert!(message(&large).ends_with("bytes in one core function, over the limit of 1048576"));

    let modules = wat::parse_str(format!("(component {})", "(core module)".repeat(1_000))).unwrap();
    assert!(message(&modules).ends_with("modules and components, over the limit of 1000"));
}
