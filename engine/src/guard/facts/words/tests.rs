use proptest::prelude::*;

use super::*;

proptest! {
    /// What is passed over without the patterns has nothing that they find.
    #[test]
    fn nothing_is_passed_over_that_has_a_command(
        text in "(\\PC|rm|sudo|chmod|dd|-rf|-r|-f| |\t|\u{a0}|,|\"|'|\\\\|\\$\\{IFS\\}|\\$IFS|777|if=|x|_){0,8}",
    ) {
        prop_assert!(!PATTERNS.as_ref().unwrap().is_match(&text) || can_match(&text), "{text:?}");
    }
}

#[test]
fn blocked_commands_are_found_however_they_are_spaced() {
    for (text, expected) in [
        ("rm -rf /", "rm -rf"),
        ("rm   -rf /", "rm -rf"),
        ("rm\t-rf\t/", "rm -rf"),
        ("rm\n-rf\n/", "rm -rf"),
        ("rm -fr x", "rm -rf"),
        ("rm -r -f x", "rm -rf"),
        ("rm -f -r x", "rm -rf"),
        ("rm -Rf x", "rm -rf"),
        ("rm -rfv x", "rm -rf"),
        ("rm -v -rf x", "rm -rf"),
        ("rm -r -v -f x", "rm -rf"),
        ("rm --recursive --force x", "rm -rf"),
        ("rm --force -r x", "rm -rf"),
        ("/bin/rm -rf x", "rm -rf"),
        ("x;rm -rf x", "rm -rf"),
        ("rm${IFS}-rf x", "rm -rf"),
        (r#"["rm", "-rf", "x"]"#, "rm -rf"),
        ("sudo ls", "sudo"),
        ("/usr/bin/sudo", "sudo"),
        ("a&&sudo b", "sudo"),
        ("chmod 777 x", "chmod 777"),
        ("chmod  0777 x", "chmod 777"),
        ("chmod -R 777 x", "chmod 777"),
        ("chmod\t4777 x", "chmod 777"),
        ("dd if=/dev/zero", "dd if="),
        ("dd   if=x of=y", "dd if="),
        ("dd of=y bs=1M if=x", "dd if="),
    ] {
        assert_eq!(commands(text), BTreeSet::from([expected]), "{text:?}");
        assert!(can_match(text), "{text:?}");
    }
}

#[test]
fn words_that_only_contain_a_command_are_none() {
    for text in [
        "",
        "rm x",
        "rm -r x",
        "rm -f x",
        "farm -rf",
        "pseudo",
        "sudoku",
        "sudoers",
        "chmod 755 x",
        "chmod 7770 x",
        "chmod 77 x",
        "add if=x",
        "dd of=x",
        "perform - rf",
    ] {
        assert!(commands(text).is_empty(), "{text:?}: {:?}", commands(text));
    }
}

#[test]
fn all_commands_of_a_text_are_found_in_one_pass() {
    let text = "sudo rm -rf x; chmod 777 y && dd if=z";
    assert_eq!(commands(text).len(), COMMANDS.len());
}

#[test]
fn characters_that_act_in_a_shell_are_seen_in_lines_alone() {
    for c in [";", "|", "&", "$", "`", ">", "<", "\n"] {
        assert!(act_in_shell(&format!("a{c}b")), "{c:?}");
    }
    assert!(!act_in_shell("ls -l 'a b' \"c\" ~ * ? ( ) # \\ \t"));
    assert!(act_in_shell(&format!("{};", "x".repeat(100_000))));
}

#[test]
fn a_line_falls_into_words_and_values() {
    let words = |text| of_line(text).collect::<Vec<_>>();
    assert_eq!(
        words("cat '/etc/shadow'|x --to=/tmp/y"),
        ["cat", "/etc/shadow", "x", "--to=/tmp/y", "/tmp/y"]
    );
    assert!(words("/a/b").is_empty());
}
