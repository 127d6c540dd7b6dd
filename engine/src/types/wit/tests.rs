use super::*;

#[test]
fn types_print_in_wits_words() {
    let word_count = WitType::Record(Arc::new([
        Field {
            name: "word".into(),
            ty: WitType::String,
        },
        Field {
            name: "count".into(),
            ty: WitType::U32,
        },
    ]));
    assert_eq!(
        WitType::Result {
            ok: Some(Arc::new(WitType::List(Arc::new(word_count)))),
            err: Some(Arc::new(WitType::Option(Arc::new(WitType::Char)))),
        }
        .to_string(),
        "result<list<record { word: string, count: u32 }>, option<char>>"
    );
    let shape = WitType::Variant(Arc::new([
        Case {
            name: "dot".into(),
            ty: None,
        },
        Case {
            name: "line".into(),
            ty: Some(WitType::Tuple(Arc::new([WitType::F32, WitType::F64]))),
        },
    ]));
    assert_eq!(shape.to_string(), "variant { dot, line(tuple<f32, f64>) }");
}

#[test]
fn an_opaque_part_is_found_however_deep_it_lies() {
    let deep = WitType::List(Arc::new(WitType::Record(Arc::new([Field {
        name: "handle".into(),
        ty: WitType::Option(Arc::new(WitType::Opaque("resource".into()))),
    }]))));
    assert_eq!(deep.opaque(), Some("resource"));
    assert_eq!(WitType::List(Arc::new(WitType::U8)).opaque(), None);
}
