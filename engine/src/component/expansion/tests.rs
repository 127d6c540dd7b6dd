use super::*;

fn expand(text: &str) -> Result<u64, TooMuch> {
    let bytes = wat::parse_str(text).unwrap();
    let mut expansion = Expansion::default();
    let mut weight = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        expansion.look(&payload.unwrap())?;
        weight = expansion.open.first().map_or(weight, |open| open.weight);
    }
    Ok(weight)
}

fn towers(depth: u32, width: usize) -> String {
    (1..=depth).fold(
        "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned(),
        |inner, level| {
            let instances = format!("(instance (instantiate $c{}))", level - 1).repeat(width);
            format!("(component $c{level} {inner} {instances})")
        },
    )
}

/// Each level multiplies by its width: 2, then 1 + 3 × (1 + 2), then 1 + 3 × (1 + 10).
#[test]
fn nested_instances_multiply() {
    assert_eq!(expand(&towers(0, 3)), Ok(2));
    assert_eq!(expand(&towers(1, 3)), Ok(10));
    assert_eq!(expand(&towers(2, 3)), Ok(34));
    assert!(matches!(expand(&towers(6, 10)), Err(TooMuch::Parts(_))));
}

/// Siblings that instantiate each other through outer aliases multiply just the same.
#[test]
fn siblings_cannot_hide_behind_aliases() {
    let siblings: String = (1..12)
        .map(|level| {
            let instances = "(instance (instantiate $inner))".repeat(10);
            format!(
                "(component $s{level} (alias outer $top $s{} (component $inner)) {instances})",
                level - 1
            )
        })
        .collect();
    let text = format!("(component $top (component $s0) {siblings} (instance (instantiate $s11)))");
    assert!(matches!(expand(&text), Err(TooMuch::Parts(_))));
}

#[test]
fn a_component_given_to_another_is_refused() {
    let text = r#"(component
        (component $c (import "x" (component $x)) (instance (instantiate $x))))"#;
    assert_eq!(expand(text), Err(TooMuch::Given("x".to_owned())));
}
