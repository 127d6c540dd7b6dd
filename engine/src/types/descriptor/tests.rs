use super::*;

fn component(functions: &[(Option<&str>, &str)]) -> Descriptor {
    Descriptor {
        name: "sample".into(),
        digest: Digest::of(b""),
        size: Bytes::ZERO,
        imports: Vec::new(),
        functions: functions
            .iter()
            .map(|(interface, name)| Function {
                interface: interface.map(str::to_owned),
                name: (*name).to_owned(),
                parameters: Vec::new(),
                result: None,
            })
            .collect(),
        command: false,
        manifest: None,
        about: Vec::new(),
    }
}

#[test]
fn a_function_answers_to_its_full_name_and_every_short_form() {
    let one = component(&[
        (Some("demo:text/words@0.1.0"), "count-words"),
        (None, "count"),
    ]);
    for name in [
        "demo:text/words@0.1.0#count-words",
        "demo:text/words#count-words",
        "words#count-words",
        "words.count-words",
        "demo:text/words@0.1.0.count-words",
        "count-words",
    ] {
        assert_eq!(one.find(name).unwrap(), 0, "{name}");
    }
    assert_eq!(one.find("count").unwrap(), 1);
    for name in [
        "words",
        "ds#count-words",
        "text/words#count-words",
        "words#count",
        "#count-words",
        "",
    ] {
        assert_eq!(
            one.find(name).unwrap_err().code().as_str(),
            "E-INVALID-FUNCTION",
            "{name}"
        );
    }
}

#[test]
fn an_ambiguous_short_name_lists_the_candidates() {
    let two = component(&[(Some("a:b/c@1.0.0"), "run"), (Some("a:b/d@1.0.0"), "run")]);
    let fault = two.find("run").unwrap_err();
    assert_eq!(fault.to_string(), "`run` fits 2 functions of `sample`");
    assert_eq!(
        fault.hints(),
        ["say which one: `a:b/c@1.0.0#run`, `a:b/d@1.0.0#run`"]
    );
    assert_eq!(two.find("d.run").unwrap(), 1);
}

#[test]
fn a_full_name_wins_over_the_short_names_of_others() {
    let both = component(&[(Some("a:b/c"), "run"), (None, "run")]);
    assert_eq!(both.find("run").unwrap(), 1);
}

#[test]
fn a_missing_function_suggests_the_closest_or_lists_all() {
    let one = component(&[(Some("a:b/c"), "count-words"), (Some("a:b/c"), "search")]);
    assert_eq!(
        one.find("count-word").unwrap_err().hints(),
        ["did you mean `count-words`?"]
    );
    assert_eq!(
        one.find("c.serach").unwrap_err().hints(),
        ["did you mean `search`?"]
    );
    assert_eq!(
        one.find("zzz").unwrap_err().hints(),
        ["it has `count-words`, `search`"]
    );
    let none = component(&[]);
    assert_eq!(
        none.find("run").unwrap_err().hints(),
        ["it exports no functions"]
    );
}
