use super::*;

#[test]
fn names_are_demangled_bounded_and_escaped() {
    assert_eq!(
        demangled("_ZN4core9panicking5panic17h0123456789abcdefE"),
        "core::panicking::panic"
    );
    assert_eq!(demangled("_RNvC6_123foo3bar"), "123foo::bar");
    assert_eq!(demangled("a\u{1b}[2J\nb"), "a\\u{1b}[2J\\nb");
    assert!(demangled(&"x".repeat(99_000)).len() < 600);
}
